/**
 * The registries of everything that is built in, and of what an application adds to it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Agent, Services } from "../agent/Agent.ts"
import { AgentRegistry } from "../agent/AgentRegistry.ts"
import { OpenToolSources } from "../backend/engines/OpenToolSources.ts"
import { BackendRegistry } from "../backend/provider/BackendRegistry.ts"
import type { BackendProvider } from "../backend/provider/ProviderContract.ts"
import { OpenPendingErasures, type StoreLoader, StoreRegistry } from "../backend/sessions/StoreRegistry.ts"
import { type ProcessorFactory, ProcessorRegistry } from "../hooks/AudioProcessor.ts"
import * as RateLimits from "../hooks/RateLimits.ts"
import { Open } from "../session/retention/SessionArchive.ts"
import {
  type EngineDefinition,
  type EngineKind,
  type EngineLoader,
  EngineRegistry,
  type EngineTable
} from "../speech/EngineRegistry.ts"
import * as BuiltinAgent from "./BuiltinAgent.ts"
import { cascadeOf, engines } from "./Engines.ts"
import { processors } from "./Processors.ts"
import { providers } from "./Providers.ts"
import { loadRateLimits, openArchive, openPendingErasures, stores } from "./Stores.ts"
import { openToolSources } from "./Tools.ts"

/**
 * An application's engines by kind and name: definitions, or what loads one when a config first names it.
 *
 * @category models
 * @since 0.1.0
 */
export type OwnEngines = {
  readonly [Kind in EngineKind]?:
    | { readonly [name: string]: EngineDefinition<Kind> | EngineLoader<Kind> }
    | undefined
}

/**
 * What an application adds to what is built in, by name. Where it uses a name that is built in, the name is the application's.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnParts<Agents extends { readonly [name: string]: Agent<unknown> } = {}> {
  /** Default: none. */
  readonly agents?: Agents | undefined
  /** Default: none. */
  readonly engines?: OwnEngines | undefined
  /** Default: none. */
  readonly processors?: { readonly [name: string]: ProcessorFactory } | undefined
  /** What `store.kind` may name. Default: none. */
  readonly stores?: { readonly [name: string]: StoreLoader } | undefined
  /** Default: none. */
  readonly providers?: ReadonlyArray<BackendProvider["Service"]> | undefined
}

/**
 * The registries that a config's names are looked up in.
 *
 * @category models
 * @since 0.1.0
 */
export type Registries = BackendRegistry | EngineRegistry | AgentRegistry | ProcessorRegistry | StoreRegistry

const openRateLimits: typeof RateLimits.SharedStore.Service = (url) =>
  Effect.flatMap(loadRateLimits, (redis) => redis.open(url))

const ofKind = <Kind extends EngineKind>(kind: Kind, own: OwnEngines): EngineTable[Kind] => {
  const table: { readonly [name: string]: EngineDefinition<Kind> | EngineLoader<Kind> } = own[kind] ?? {}
  const added = Object.entries(table).map(([name, engine]): readonly [string, EngineLoader<Kind>] => [
    name,
    Effect.isEffect(engine) ? engine : Effect.succeed(engine)
  ])
  return { ...engines[kind], ...Object.fromEntries(added) }
}

/** All engines by kind and name. The parts of `cascade` may be the application's. */
const tableOf = (own: OwnEngines): EngineTable => {
  const parts = { stt: ofKind("stt", own), tts: ofKind("tts", own) }
  return {
    ...parts,
    s2s: { ...ofKind("s2s", own), ...(own.s2s?.["cascade"] === undefined ? { cascade: cascadeOf(parts) } : {}) },
    vad: ofKind("vad", own),
    turn: ofKind("turn", own),
    noise: ofKind("noise", own),
    echo: ofKind("echo", own),
    llm: ofKind("llm", own)
  }
}

/**
 * All providers: those of the application, then the built-in ones whose names it does not use.
 *
 * @category accessors
 * @since 0.1.0
 */
export const providersWith = (
  own: ReadonlyArray<BackendProvider["Service"]> = []
): ReadonlyArray<BackendProvider["Service"]> => [
  ...own,
  ...Object.values(providers).filter(({ name }) => !own.some((each) => each.name === name))
]

/**
 * The registries with everything that is built in and with what an application adds. The layer asks for what the agents need.
 *
 * **Example** (A config file that may name an agent of one's own)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Agent, ConfigSource, VoiceBackend } from "effect-voice"
 * import * as Builtin from "effect-voice/builtin"
 *
 * const concierge = Agent.fromCallback((words) => Effect.succeed(`At your service. You said: ${words}`))
 *
 * export const Backend = Layer.unwrap(
 *   Effect.map(ConfigSource.load({ file: "voice.yaml", env: process.env }), VoiceBackend.layerDecoded)
 * ).pipe(Layer.provide(Builtin.layerWith({ agents: { concierge } })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = <Agents extends { readonly [name: string]: Agent<unknown> } = {}>(
  own: OwnParts<Agents>
): Layer.Layer<Registries, never, Services<Agents[keyof Agents]>> => {
  const agents = { [BuiltinAgent.name]: BuiltinAgent.agent, ...own.agents } as {
    readonly [name: string]: Agent<Services<Agents[keyof Agents]>>
  }
  return Layer.mergeAll(
    BackendRegistry.layer(providersWith(own.providers)),
    Layer.suspend(() => EngineRegistry.layer(tableOf(own.engines ?? {}))),
    AgentRegistry.layer(agents) as Layer.Layer<AgentRegistry, never, Services<Agents[keyof Agents]>>,
    ProcessorRegistry.layer({ ...processors, ...own.processors }),
    StoreRegistry.layer({ ...stores, ...own.stores }),
    Layer.succeed(RateLimits.SharedStore, openRateLimits),
    Layer.succeed(OpenToolSources, openToolSources),
    Layer.succeed(Open, openArchive),
    Layer.succeed(OpenPendingErasures, openPendingErasures)
  )
}

/**
 * The registries with everything that is built in.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Registries> = layerWith({})
