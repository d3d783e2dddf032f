/**
 * The kinds of carriers that the library has.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Asterisk from "./asterisk/Asterisk.ts"
import { AsteriskConfig } from "./asterisk/AsteriskConfig.ts"
import * as Stream from "./stream/StreamCarrier.ts"

/**
 * One carrier of `provider_config.carriers`, by its `kind`.
 *
 * @category models
 * @since 0.1.0
 */
export const CarrierConfig = Schema.Union([Stream.StreamConfig, AsteriskConfig])

/**
 * @category models
 * @since 0.1.0
 */
export type CarrierConfig = typeof CarrierConfig.Type

/**
 * @category constants
 * @since 0.1.0
 */
export const kinds = { stream: Stream.kind, asterisk: Asterisk.kind }
