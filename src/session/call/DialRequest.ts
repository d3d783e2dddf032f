/**
 * A call to make: in code (`dial`) and over HTTP (`POST /v1/calls`).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { ConversationPolicy, MAX_SAID } from "../../conversation/ConversationPolicy.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as Faults from "../../schema/Faults.ts"
import * as SessionSpeech from "../../speech/SessionSpeech.ts"
import { Metadata, PipelineType } from "../SessionConfig.ts"
import { CallParameters } from "./CallDetails.ts"
import { PhoneAddress } from "./PhoneAddress.ts"

/**
 * How it is found out whether a person has answered, and what is done when it is a machine.
 *
 * - `detect`: `carrier`, the carrier says it; `own`, the server hears it; `off`, whoever answers is talked to. Default: `off`.
 * - `onMachine`: `hang_up`; `leave_message` after the beep, then hang up; `go_on`, the agent talks to it. Default: `hang_up`.
 * - `message`: what is left.
 *
 * @category models
 * @since 0.1.0
 */
export const MachinePolicy = Schema.Struct({
  detect: Schema.Literals(["carrier", "own", "off"]),
  onMachine: Schema.optionalKey(Schema.Literals(["hang_up", "leave_message", "go_on"])),
  message: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(MAX_SAID)))
}).pipe(encodeKeys({ onMachine: "on_machine" })).check(
  Schema.makeFilter(({ message, onMachine }) =>
    onMachine === "leave_message" && message === undefined
      ? { path: ["message"], issue: "expected the message that is left" }
      : undefined
  )
)

/**
 * @category models
 * @since 0.1.0
 */
export type MachinePolicy = typeof MachinePolicy.Type

/**
 * The key of a request that is not to be carried out twice: 1 to 255 visible ASCII characters.
 *
 * @category models
 * @since 0.1.0
 */
export const IdempotencyKey = Schema.String.check(
  Schema.isPattern(/^[\x21-\x7e]{1,255}$/u, { expected: "1 to 255 visible ASCII characters" })
)

/**
 * How long it rings where a request does not say it: 30 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const RING_TIMEOUT = Duration.seconds(30)

/**
 * The body of `POST /v1/calls`. Snake case when encoded.
 *
 * @category models
 * @since 0.1.0
 */
export const DialRequest = Schema.Struct({
  to: PhoneAddress,
  from: Schema.optionalKey(PhoneAddress),
  carrier: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(128))),
  userId: Schema.NonEmptyString.check(Schema.isMaxLength(256)),
  agent: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(256))),
  pipelineType: Schema.optionalKey(PipelineType),
  metadata: Schema.optionalKey(Metadata),
  ...SessionSpeech.fields,
  policy: Schema.optionalKey(ConversationPolicy),
  parameters: Schema.optionalKey(CallParameters),
  ringTimeout: Schema.optionalKey(boundedDuration("5 seconds", "2 minutes")),
  longest: Schema.optionalKey(boundedDuration("10 seconds", "24 hours")),
  machine: Schema.optionalKey(MachinePolicy),
  idempotencyKey: Schema.optionalKey(IdempotencyKey),
  token: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(8_192)))
}).pipe(encodeKeys({
  userId: "user_id",
  pipelineType: "pipeline_type",
  ringTimeout: "ring_timeout",
  idempotencyKey: "idempotency_key"
}))

/**
 * A call to make.
 *
 * - `to`: a number (E.164) or a SIP address; the provider's `allowed_destinations` must allow it.
 * - `from`: the number that the called one sees. Default: the carrier's first.
 * - `carrier`: the carrier that makes the call. Default: the first that can.
 * - `userId`, `metadata`, `language`, `voice`, `keyterms`, `text`, `pipelineType`, `policy`, `token`: as of `createSession`.
 * - `agent`: the registered name of an agent. Default: the backend's.
 * - `parameters`: what the carrier is given with the call; at most 8 KiB of JSON. Default: nothing.
 * - `ringTimeout`: how long it rings before the call counts as not answered. 30 s, [5 s, 2 min].
 * - `longest`: the maximum duration of the session, ringing included; the backend's `session.longest` holds as well. Default: that.
 * - `machine`: what happens when an answering machine answers. Default: it is not found out.
 * - `idempotencyKey`: with the same key, the same request gives the session of the call that was made, and another one fails
 *   `invalid_config`. Known for as long as the session, and afterwards to its process, for its last 10,000 keys. Default: each
 *   request makes a call.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialRequest extends Omit<typeof DialRequest.Type, "longest" | "ringTimeout"> {
  readonly ringTimeout?: Duration.Input | undefined
  readonly longest?: Duration.Input | undefined
}

/** As a duration, where it is one: what is not is refused with the rest. */
const durationOf = (input: Duration.Input | undefined) => {
  if (input === undefined) return undefined
  const duration = Duration.fromInput(input)
  return duration._tag === "Some" ? duration.value : input as Duration.Duration
}

/**
 * Checks a request that a program has made; all its faults become one `invalid_config`, which quotes no value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = (
  op: string,
  { longest, ringTimeout, ...request }: DialRequest
): Effect.Effect<typeof DialRequest.Type, InvalidConfig> => {
  const ring = durationOf(ringTimeout)
  const most = durationOf(longest)
  return Faults.check(DialRequest, {
    ...request,
    ...(ring === undefined ? {} : { ringTimeout: ring }),
    ...(most === undefined ? {} : { longest: most })
  }, { op, what: "invalid call", at: [] })
}
