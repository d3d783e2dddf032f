/**
 * Session stores by the names that a config uses.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type { BackendError } from "../../BackendError.ts"
import * as Registry from "../../Registry.ts"
import * as Faults from "../../schema/Faults.ts"
import type { PendingErasures } from "../../session/persistence/PendingErasures.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import type { StoreConfig } from "../config/BackendConfig.ts"

/**
 * The kind of store that stores nothing outside the process, and is in no registry.
 *
 * @category constants
 * @since 0.1.0
 */
export const MEMORY = "memory"

/**
 * Loads a store and makes its layer from the `store` section of a config. `StoreRegistry.define` makes one with options of its
 * own.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreLoader {
  (config: StoreConfig): Effect.Effect<Layer.Layer<SessionStore, BackendError>, BackendError>
  /** The schema of `store.options`. Left out: the store has none. */
  readonly options?: Schema.Codec<unknown, unknown> | undefined
}

/**
 * The faults of `store.options`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const optionFaults = (
  { options: schema }: StoreLoader,
  options: unknown
): ReadonlyArray<Faults.Fault> =>
  schema === undefined
    ? options === undefined ? [] : [{ path: "store.options", message: "this session store has no options" }]
    : Faults.collect(schema, options ?? {}, ["store", "options"])

/**
 * The stores that `store.kind` may name, besides `memory`.
 *
 * **Example** (A store of one's own, as `store: { kind: "table", options: { name: "calls" } }`)
 *
 * ```ts
 * import { Layer, Schema } from "effect"
 * import { type SessionStore, StoreRegistry } from "effect-voice"
 *
 * declare const openTable: (name: string) => Layer.Layer<SessionStore>
 *
 * const stores = StoreRegistry.layer({
 *   table: StoreRegistry.define({
 *     options: Schema.Struct({ name: Schema.NonEmptyString }),
 *     layer: ({ name }) => openTable(name)
 *   })
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class StoreRegistry extends Context.Service<StoreRegistry, Registry.Registry<StoreLoader>>()(
  "effect-voice/backend/StoreRegistry"
) {
  /** A registry that starts with these stores. */
  static readonly layer = (stores: { readonly [name: string]: StoreLoader } = {}) =>
    Layer.sync(StoreRegistry, () => Registry.make("StoreRegistry", "session store", stores))

  /** A store whose `store.options` are decoded by a schema; what is wrong with them is reported with the rest of a config. */
  static readonly define = <Options>(store: {
    /** Reads `store.options` of a config; without options `Schema.Struct({})`. */
    readonly options: Schema.Codec<Options, unknown>
    /** Makes the store, once for a backend; `config` is the section `store`. */
    readonly layer: (options: Options, config: StoreConfig) => Layer.Layer<SessionStore, BackendError>
  }): StoreLoader =>
    Object.assign(
      (config: StoreConfig) =>
        Effect.map(
          Faults.decode(store.options, config.options ?? {}, {
            op: "StoreRegistry.load",
            what: "the options of the session store",
            at: ["store", "options"]
          }),
          (options) => store.layer(options, config)
        ),
      { options: store.options }
    )
}

/**
 * Opens the notes of sessions that ended while the session store of a config was away. Default: there are none.
 * `effect-voice/builtin` keeps them in files in the user's state directory.
 *
 * @category services
 * @since 0.1.0
 */
export const OpenPendingErasures = Context.Reference<
  (store: StoreConfig) => Effect.Effect<PendingErasures["Service"] | undefined, BackendError>
>("effect-voice/backend/OpenPendingErasures", { defaultValue: () => () => Effect.succeed(undefined) })
