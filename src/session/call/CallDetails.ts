/**
 * The telephone call that a session belongs to. It is stored with the session, so that the call finds it again.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { MAX_SAID } from "../../conversation/ConversationPolicy.ts"

const Short = Schema.String.check(Schema.isMaxLength(256))

/**
 * The most bytes of a call's parameters, as JSON.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PARAMETER_BYTES = 8_192

/**
 * What is told along with a call, by name: at most 8 KiB of JSON.
 *
 * @category models
 * @since 0.1.0
 */
export const CallParameters = Schema.Record(Short, Schema.String).check(
  Schema.makeFilter((value) =>
    new TextEncoder().encode(JSON.stringify(value)).length <= MAX_PARAMETER_BYTES ||
    `expected at most ${MAX_PARAMETER_BYTES} bytes of JSON`
  )
)

const Milliseconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 86_400_000 }))

/**
 * How a call is made that somebody has asked for.
 *
 * - `ringTimeoutMs`: how long it rings.
 * - `longestMs`: how long the session may last. Default: what the backend allows.
 * - `machine`: what happens when an answering machine answers. Default: it is not found out.
 * - `request`: a digest of the request, by which the same one is known again.
 *
 * @category models
 * @since 0.1.0
 */
export const DialDetails = Schema.Struct({
  ringTimeoutMs: Milliseconds,
  longestMs: Schema.optionalKey(Milliseconds),
  machine: Schema.optionalKey(Schema.Struct({
    detect: Schema.Literals(["carrier", "own", "off"]),
    onMachine: Schema.Literals(["hang_up", "leave_message", "go_on"]),
    message: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(MAX_SAID)))
  })),
  request: Short
})

/**
 * @category models
 * @since 0.1.0
 */
export type DialDetails = typeof DialDetails.Type

/**
 * - `carrier`: the name of the carrier in `provider_config.carriers`.
 * - `direction`: `inbound`, the user has called; `outbound`, we have called them.
 * - `id`: the carrier's id of the call. That of an outbound call is known when the carrier has taken the order, and is there when the
 *   session is restored.
 * - `from`, `to`: numbers (E.164), SIP addresses or names, as the carrier tells them.
 * - `parameters`: what the carrier's flow, the dialplan or the dialling program has added.
 * - `dial`: how the call is made; of outbound calls. The provider makes the call when it opens the session, unless it was restored.
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
  parameters: CallParameters,
  dial: Schema.optionalKey(DialDetails)
})

/**
 * @category models
 * @since 0.1.0
 */
export type CallDetails = typeof CallDetails.Type
