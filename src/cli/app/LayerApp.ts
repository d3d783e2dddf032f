/**
 * Applications that are a plain Layer of services.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { AgentRegistry } from "../../agent/AgentRegistry.ts"
import { BackendRegistry } from "../../backend/provider/BackendRegistry.ts"
import { StoreRegistry } from "../../backend/sessions/StoreRegistry.ts"
import type { BackendError } from "../../BackendError.ts"
import * as Builtin from "../../builtin/index.ts"
import { ProcessorRegistry } from "../../hooks/AudioProcessor.ts"
import { AuthHook } from "../../hooks/AuthHook.ts"
import type { Registry } from "../../Registry.ts"
import { SessionStore } from "../../session/persistence/SessionStore.ts"
import { type EngineKind, EngineRegistry } from "../../speech/EngineRegistry.ts"
import { type App, TypeId } from "./App.ts"
import * as ReportedLayer from "./ReportedLayer.ts"

/** The entries of a registry by name, as they are now. */
const entriesOf = <A>(
  registry: Registry<A> | undefined
): Effect.Effect<{ readonly [name: string]: A }, BackendError> =>
  registry === undefined
    ? Effect.succeed({})
    : Effect.map(
      Effect.forEach(registry.list(), (name) => Effect.map(registry.get(name), (entry) => [name, entry] as const)),
      Object.fromEntries
    )

const enginesOf = <Kind extends EngineKind>(kind: Kind, engines: EngineRegistry["Service"] | undefined) =>
  entriesOf(engines?.[kind])

const providersOf = (registry: BackendRegistry["Service"] | undefined) =>
  registry === undefined
    ? Effect.succeed([])
    : Effect.flatMap(registry.listProviders, (names) => Effect.forEach(names, registry.getProvider))

/** The name of the session store that a Layer provides, in a config. */
const STORE = "application"

/**
 * Builds a Layer in the current scope and makes an application of what it provides: the entries of its registries, hooks, a
 * session store. Its first agent by name answers where a config names none, and its session store is `store.kind: application`,
 * which is then the default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  layer: Layer.Layer<never, unknown>
): Effect.fn.Return<App, BackendError, Scope.Scope> {
  const context: Context.Context<never> = yield* Layer.build(
    ReportedLayer.make("the layer of the application", layer)
  )
  const found = <Service, Shape>(tag: Context.Key<Service, Shape>) =>
    Option.getOrUndefined(Context.getOption(context, tag))
  const engines = found(EngineRegistry)
  const agents = yield* entriesOf(found(AgentRegistry))
  const store = found(SessionStore)
  const parts = {
    agents,
    engines: yield* Effect.all({
      stt: enginesOf("stt", engines),
      tts: enginesOf("tts", engines),
      s2s: enginesOf("s2s", engines),
      vad: enginesOf("vad", engines),
      turn: enginesOf("turn", engines),
      noise: enginesOf("noise", engines),
      echo: enginesOf("echo", engines),
      llm: enginesOf("llm", engines)
    }),
    processors: yield* entriesOf(found(ProcessorRegistry)),
    stores: {
      ...(yield* entriesOf(found(StoreRegistry))),
      ...(store === undefined ? {} : { [STORE]: () => Effect.succeed(Layer.succeed(SessionStore, store)) })
    },
    providers: yield* providersOf(found(BackendRegistry))
  }
  // a layer may provide what is built in as well
  const agent = Object.keys(agents).find((name) => name !== Builtin.BuiltinAgent.name)
  return {
    [TypeId]: TypeId,
    parts,
    defaults: {
      ...(agent === undefined ? {} : { agent }),
      ...(store === undefined ? {} : { store: { kind: STORE } })
    },
    mayHaveAuth: found(AuthHook) !== undefined,
    layer: Layer.provideMerge(Builtin.layerWith(parts), Layer.succeedContext(context)),
    faults: []
  }
})
