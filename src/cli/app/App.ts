/**
 * An application for the command line: what it adds to what is built in, and the Layer that all of it runs on.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Agent, Services as AgentServices } from "../../agent/Agent.ts"
import type { BackendConfigEncoded, StoreConfig } from "../../backend/config/BackendConfig.ts"
import type { BackendProvider } from "../../backend/provider/ProviderContract.ts"
import type { BackendError } from "../../BackendError.ts"
import type { OwnParts, Registries } from "../../builtin/index.ts"
import type { ProcessorFactory } from "../../hooks/AudioProcessor.ts"
import type { AuthHook } from "../../hooks/AuthHook.ts"
import type { DataRetentionHook } from "../../hooks/DataRetentionHook.ts"
import type { DoNotCall } from "../../hooks/DoNotCall.ts"
import type { RateLimiter } from "../../hooks/RateLimiter.ts"
import type * as Faults from "../../schema/Faults.ts"
import { isRecord, type JsonRecord } from "../../schema/Json.ts"
import type { ServerConfig } from "../../server/ServerConfig.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import type { EngineDefinition, EngineKind, EngineKinds, EngineLoader } from "../../speech/EngineRegistry.ts"

/**
 * Marks applications.
 *
 * @category constants
 * @since 0.1.0
 */
export const TypeId = "~effect-voice/cli/App"

/**
 * An application that `defineApp` has made, for `run` and for `effect-voice serve --app`.
 *
 * @category models
 * @since 0.1.0
 */
export interface App {
  readonly [TypeId]: typeof TypeId
  /** What a config may name besides what is built in. Agents answer only with what `layer` provides. */
  readonly parts: OwnParts<{ readonly [name: string]: Agent }>
  /** The values of fields of a config that neither the file nor the environment sets. */
  readonly defaults: JsonRecord
  /** Whether it has an `AuthHook`, or a layer that may provide one. */
  readonly mayHaveAuth: boolean
  /** The registries with everything, the application's hooks, and what its own layer provides. */
  readonly layer: Layer.Layer<Registries, BackendError>
  /** What is wrong with what was given; reported before a command runs. */
  readonly faults: ReadonlyArray<Faults.Fault>
  /** The file that it was loaded from, which workers load as well. */
  readonly file?: string | undefined
}

/**
 * Whether a value is an application, of this copy of the package or of another.
 *
 * @category guards
 * @since 0.1.0
 */
export const isApp = (value: unknown): value is App => isRecord(value) && value[TypeId] === TypeId

/**
 * An engine: a definition with a schema for its options in a config; what loads one when a config first names it; or a Layer,
 * which has no options and may need what the application's `layer` provides.
 *
 * @category models
 * @since 0.1.0
 */
export type AppEngine<Kind extends EngineKind, R = never> =
  | EngineDefinition<Kind>
  | EngineLoader<Kind>
  | Layer.Layer<EngineKinds[Kind], BackendError, R>

/**
 * Engines by kind and name.
 *
 * @category models
 * @since 0.1.0
 */
export type AppEngines = {
  readonly [Kind in EngineKind]?: { readonly [name: string]: AppEngine<Kind, unknown> } | undefined
}

/**
 * A session store: a Layer, or a function that makes one from the section `store` of a config.
 *
 * @category models
 * @since 0.1.0
 */
export type AppStore<R = never> =
  | Layer.Layer<SessionStore, BackendError, R>
  | ((config: StoreConfig) => Effect.Effect<Layer.Layer<SessionStore, BackendError, R>, BackendError>)

/**
 * A hook: its service, or a Layer that provides it.
 *
 * @category models
 * @since 0.1.0
 */
export type AppHook<Hook, Service, R = never> = Service | Layer.Layer<Hook, unknown, R>

type AnyAgents = { readonly [name: string]: Agent<unknown> }
type AnyStores = { readonly [name: string]: AppStore<unknown> }

/**
 * The fields of a config that an application may give: those of a config file, `server` included.
 *
 * @category models
 * @since 0.1.0
 */
export type AppConfig =
  & { readonly [Key in keyof BackendConfigEncoded]?: BackendConfigEncoded[Key] | undefined }
  & { readonly server?: typeof ServerConfig.Encoded | undefined }

/**
 * What an application is made of. Every name can be used in a config; a name that is built in as well is the application's.
 *
 * @category models
 * @since 0.1.0
 */
export interface AppParts<
  Agents extends AnyAgents = AnyAgents,
  Engines extends AppEngines = AppEngines,
  Stores extends AnyStores = AnyStores,
  Auth = AppHook<AuthHook, AuthHook["Service"], unknown>,
  Retention = AppHook<DataRetentionHook, DataRetentionHook["Service"], unknown>,
  Limiter = AppHook<RateLimiter, RateLimiter["Service"], unknown>,
  Unwilling = AppHook<DoNotCall, DoNotCall["Service"], unknown>
> {
  /** Agents by name. The first one answers where a config names none. Default: none, the built-in agent answers. */
  readonly agents?: Agents | undefined
  /** Engines by kind (`stt`, `tts`, `s2s`, `vad`, `turn`, `noise`, `echo`, `llm`) and name. Default: none. */
  readonly engines?: Engines | undefined
  /** Audio processors that `custom_processors` may name. Default: none. */
  readonly processors?: { readonly [name: string]: ProcessorFactory } | undefined
  /** Session stores that `store.kind` may name, by names other than those of ours. Default: none. */
  readonly stores?: Stores | undefined
  /** Providers: further ways to reach users. Default: none. */
  readonly providers?: ReadonlyArray<BackendProvider["Service"]> | undefined
  /** Who gets in. Default: none, API keys alone decide. */
  readonly auth?: Auth | undefined
  /** What is kept of a session, and for how long. Default: none, the config's `retention` decides. */
  readonly retention?: Retention | undefined
  /** A rate limiter besides that of the config. Default: none. */
  readonly rateLimiter?: Limiter | undefined
  /** Is asked before each call that is made. Default: none, whoever the provider may call is called. */
  readonly doNotCall?: Unwilling | undefined
  /**
   * The values of fields that neither the config file nor the environment sets, as a config file has them. Default: none.
   */
  readonly config?: AppConfig | undefined
}

type LayerNeeds<A> = A extends Layer.Layer<infer _ROut, infer _E, infer R> ? R : never

type StoreNeeds<A> = A extends (config: StoreConfig) => Effect.Effect<infer Made, infer _E, infer _R> ? LayerNeeds<Made>
  : LayerNeeds<A>

type ValuesOf<Table> = Table[keyof Table]

type EngineNeeds<Engines extends AppEngines> = {
  readonly [Kind in keyof Engines]: LayerNeeds<ValuesOf<NonNullable<Engines[Kind]>>>
}[keyof Engines]

/**
 * What the parts of an application need: a language model, the handlers of tools, a database.
 *
 * @category models
 * @since 0.1.0
 */
export type Needs<Agents, Engines extends AppEngines, Stores, Auth, Retention, Limiter, Unwilling> = Exclude<
  | AgentServices<ValuesOf<Agents>>
  | EngineNeeds<Engines>
  | StoreNeeds<ValuesOf<Stores>>
  | LayerNeeds<Auth>
  | LayerNeeds<Retention>
  | LayerNeeds<Limiter>
  | LayerNeeds<Unwilling>,
  Scope.Scope
>

/**
 * The Layer of an application; required where its parts need something. It is built once in each process that serves, before the
 * engines, and everything that it provides is there for the backend as well, such as a `Tracer`.
 *
 * @category models
 * @since 0.1.0
 */
export type AppLayer<R> = [R] extends [never] ? { readonly layer?: Layer.Layer<never, unknown> | undefined }
  : { readonly layer: Layer.Layer<R, unknown> }
