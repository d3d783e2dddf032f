/**
 * Makes applications for the command line.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Agent } from "../../agent/Agent.ts"
import type { StoreLoader } from "../../backend/sessions/StoreRegistry.ts"
import type { BackendError } from "../../BackendError.ts"
import * as Builtin from "../../builtin/index.ts"
import { AuthHook } from "../../hooks/AuthHook.ts"
import { DataRetentionHook } from "../../hooks/DataRetentionHook.ts"
import { DoNotCall } from "../../hooks/DoNotCall.ts"
import { RateLimiter } from "../../hooks/RateLimiter.ts"
import { present } from "../../schema/Defined.ts"
import * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import {
  type App,
  type AppEngine,
  type AppEngines,
  type AppHook,
  type AppLayer,
  type AppParts,
  type AppStore,
  type Needs,
  TypeId
} from "./App.ts"
import * as AppFaults from "./AppFaults.ts"
import * as ReportedLayer from "./ReportedLayer.ts"

/**
 * The definition of an engine that is a Layer. A check does not build it; the backend does, which runs in what the application's
 * layer provides.
 */
const ofLayer = <Kind extends EngineRegistry.EngineKind>(
  kind: Kind,
  name: string,
  layer: Layer.Layer<EngineRegistry.EngineKinds[Kind], BackendError, unknown>
): EngineRegistry.EngineDefinition<Kind> =>
  EngineRegistry.fromDecode({
    kind,
    name,
    description: "An engine of the application, without options",
    options: Schema.Struct({}),
    decode: (given) => {
      const keys = isRecord(given) ? Object.keys(given) : []
      return keys.length === 0
        ? Effect.succeed({
          kind,
          name,
          options: {},
          layer: layer as Layer.Layer<EngineRegistry.EngineKinds[Kind], BackendError>,
          check: Effect.void
        })
        : Effect.fail(Faults.toError(
          "EngineRegistry.layer",
          `the options of engine ${name}`,
          keys.map((key) => ({
            path: Faults.pathOf(["engines", name, key]),
            message: `${Faults.unknownKey(key, [])}: this engine is a Layer, which has no options`
          }))
        ))
    }
  })

const engineOf = <Kind extends EngineRegistry.EngineKind>(
  kind: Kind,
  name: string,
  engine: AppEngine<Kind, unknown>
): EngineRegistry.EngineLoader<Kind> =>
  Layer.isLayer(engine)
    ? Effect.succeed(
      ofLayer(kind, name, engine as Layer.Layer<EngineRegistry.EngineKinds[Kind], BackendError, unknown>)
    )
    : Effect.isEffect(engine)
    ? engine
    : Effect.succeed(engine as EngineRegistry.EngineDefinition<Kind>)

const enginesOf = <Kind extends EngineRegistry.EngineKind>(kind: Kind, engines: AppEngines) => {
  const table: { readonly [name: string]: AppEngine<Kind, unknown> } = engines[kind] ?? {}
  return Object.fromEntries(Object.entries(table).map(([name, engine]) => [name, engineOf(kind, name, engine)]))
}

/** As with an engine, its layer is built where what it needs is there. */
const storeOf = (store: AppStore<unknown>): StoreLoader => {
  const closed = store as AppStore
  return typeof closed === "function" ? closed : () => Effect.succeed(closed)
}

/** A hook that is absent provides nothing. */
const hookOf = <Hook, Service>(
  what: string,
  hook: AppHook<Hook, Service, unknown> | undefined,
  provide: (service: Service) => Layer.Layer<Hook>
): Layer.Layer<never, BackendError, unknown> =>
  hook === undefined
    ? Layer.empty
    : Layer.isLayer(hook)
    ? ReportedLayer.make(what, hook)
    : provide(hook as Service)

/**
 * Makes an application from parts that the compiler has not seen; what is wrong with them is in its `faults`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromParts = (given: JsonRecord): App => {
  const faults = AppFaults.of(given)
  // what has faults is not looked at any further
  const parts = (faults.length === 0 ? given : {}) as AppParts & { readonly layer?: Layer.Layer<never, unknown> }
  const { agents = {}, auth, config = {}, doNotCall, engines = {}, processors, providers } = parts
  const { rateLimiter, retention, stores = {} } = parts
  const named = {
    // as sessions and logs call it
    agents: Object.fromEntries(
      Object.entries(agents as { readonly [name: string]: Agent }).map(([name, agent]) => [
        name,
        { ...agent, name: agent.name ?? name }
      ])
    ),
    engines: {
      stt: enginesOf("stt", engines),
      tts: enginesOf("tts", engines),
      s2s: enginesOf("s2s", engines),
      vad: enginesOf("vad", engines),
      turn: enginesOf("turn", engines),
      noise: enginesOf("noise", engines),
      echo: enginesOf("echo", engines),
      llm: enginesOf("llm", engines)
    },
    processors,
    stores: Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, storeOf(store)])),
    providers
  }
  const [agent] = Object.keys(agents)
  const own = parts.layer === undefined
    ? Layer.empty
    : ReportedLayer.make("the layer of the application", parts.layer)
  const hooks = [
    hookOf("the layer of auth", auth, (service) => Layer.succeed(AuthHook, service)),
    hookOf("the layer of retention", retention, (service) => Layer.succeed(DataRetentionHook, service)),
    hookOf("the layer of rateLimiter", rateLimiter, (service) => Layer.succeed(RateLimiter, service)),
    hookOf("the layer of doNotCall", doNotCall, (service) => Layer.succeed(DoNotCall, service))
  ] as const
  return {
    [TypeId]: TypeId,
    parts: named,
    defaults: { ...(agent === undefined ? {} : { agent }), ...present(config) },
    mayHaveAuth: auth !== undefined || parts.layer !== undefined,
    // the compiler has seen in `defineApp` that `own` provides what the others need
    layer: Layer.provideMerge(Layer.merge(Builtin.layerWith(named), Layer.mergeAll(...hooks)), own) as App["layer"],
    faults
  }
}

/**
 * Makes an application: what a config may name besides what is built in, its hooks, and the Layer for what all of these need.
 * For `export default` in a module that `effect-voice serve --app` loads, and for `run`. Where the layer lacks something, the
 * compiler names it.
 *
 * **Example** (An agent of one's own, by its name)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Agent } from "effect-voice"
 * import { defineApp } from "effect-voice/cli"
 *
 * export default defineApp({
 *   agents: { concierge: Agent.fromCallback((words) => Effect.succeed(`At your service. You said: ${words}`)) }
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const defineApp = <
  Agents extends { readonly [name: string]: Agent<unknown> } = {},
  Engines extends AppEngines = {},
  Stores extends { readonly [name: string]: AppStore<unknown> } = {},
  Auth extends AppHook<AuthHook, AuthHook["Service"], unknown> = never,
  Retention extends AppHook<DataRetentionHook, DataRetentionHook["Service"], unknown> = never,
  Limiter extends AppHook<RateLimiter, RateLimiter["Service"], unknown> = never,
  Unwilling extends AppHook<DoNotCall, DoNotCall["Service"], unknown> = never
>(
  parts:
    & AppParts<Agents, Engines, Stores, Auth, Retention, Limiter, Unwilling>
    & AppLayer<Needs<Agents, Engines, Stores, Auth, Retention, Limiter, Unwilling>>
): App => fromParts(isRecord(parts) ? parts : {})

/**
 * The application of a command line without one: what is built in.
 *
 * @category constants
 * @since 0.1.0
 */
export const none: App = fromParts({})
