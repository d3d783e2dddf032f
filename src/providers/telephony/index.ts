/**
 * The telephony provider: users call by telephone, or are called, through carriers and telephone systems.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"
import { CarrierConfig, makeCarrier } from "./Carriers.ts"
import * as TelephonyProvider from "./TelephonyProvider.ts"

/**
 * The telephony provider with every kind of carrier that the library has. A session's `transport` is `websocket`; its call is in its
 * metadata (`call`) and in `CallContext.facts`.
 *
 * @category providers
 * @since 0.1.0
 */
export const provider: BackendProvider.BackendProvider["Service"] = TelephonyProvider.make(CarrierConfig, makeCarrier)

/**
 * Provides the telephony provider.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<BackendProvider.BackendProvider> = Layer.succeed(
  BackendProvider.BackendProvider,
  provider
)
