/**
 * The telephone call that a session belongs to. It is stored with the session, so that the call finds it again.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Short = Schema.String.check(Schema.isMaxLength(256))

/**
 * The most bytes of a call's parameters, as JSON.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PARAMETER_BYTES = 8_192

const Parameters = Schema.Record(Short, Schema.String).check(
  Schema.makeFilter((value) =>
    new TextEncoder().encode(JSON.stringify(value)).length <= MAX_PARAMETER_BYTES ||
    `expected at most ${MAX_PARAMETER_BYTES} bytes of JSON`
  )
)

/**
 * - `carrier`: the name of the carrier in `provider_config.carriers`.
 * - `direction`: `inbound`, the user has called; `outbound`, we have called them.
 * - `id`: the carrier's id of an inbound call. That of an outbound call is known when the carrier has taken the order.
 * - `from`, `to`: numbers (E.164), SIP addresses or names, as the carrier tells them.
 * - `parameters`: what the carrier's flow, the dialplan or the dialling program has added.
 *
 * @category models
 * @since 0.1.0
 */
export const CallDetails = Schema.Struct({
  carrier: Short,
  direction: Schema.Literals(["inbound", "outbound"]),
  id: Schema.optionalKey(Short),
  from: Schema.optionalKey(Short),
  to: Schema.optionalKey(Short),
  parameters: Parameters
})

/**
 * @category models
 * @since 0.1.0
 */
export type CallDetails = typeof CallDetails.Type
