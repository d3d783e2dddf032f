/**
 * Session stores by the names that a config uses.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BackendError } from "../../BackendError.ts"
import * as Registry from "../../Registry.ts"
import type { PendingErasures } from "../../session/persistence/PendingErasures.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import type { StoreConfig } from "../config/BackendConfig.ts"

/**
 * Loads a store and makes its layer from the `store` section of a config.
 *
 * @category models
 * @since 0.1.0
 */
export type StoreLoader = (config: StoreConfig) => Effect.Effect<Layer.Layer<SessionStore, BackendError>, BackendError>

/**
 * The stores that `store.kind` may name, besides `memory`, which stores nothing outside the process.
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
