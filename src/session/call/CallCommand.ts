/**
 * What can be done with a session's call: in code by its own methods, over HTTP and between nodes as one of these.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"

/**
 * The most keys that are sent at once.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_DIGITS = 128

/**
 * Keys of a telephone: `0` to `9`, `*`, `#`, `A` to `D`; `w` waits for half a second. 1 to 128 of them.
 *
 * @category models
 * @since 0.1.0
 */
export const Digits = Schema.String.check(
  Schema.isPattern(/^[0-9*#A-Dw]{1,128}$/, {
    expected: `1 to ${MAX_DIGITS} of 0 to 9, *, #, A to D, and w for a pause of half a second`
  })
)

const Address = Schema.NonEmptyString.check(
  Schema.isMaxLength(256),
  // in headers, documents and dialplans of carriers
  Schema.isPattern(/^[^\s\p{Cc}<>"'&;,|$`\\{}]+$/u, { expected: "a number, a SIP address or a name, without spaces" })
)

/**
 * Where a call is transferred to.
 *
 * - a text: a number (E.164), a SIP address, or a name of the provider's `transfer_targets`.
 * - `{ agent }`: another agent of this backend, by its registered name: the call stays, and it answers from now on.
 * - `{ queue }`: a queue of the carrier.
 *
 * @category models
 * @since 0.1.0
 */
export const TransferTarget = Schema.Union([
  Address,
  Schema.Struct({ agent: Schema.NonEmptyString.check(Schema.isMaxLength(256)) }),
  Schema.Struct({ queue: Address })
])

/**
 * @category models
 * @since 0.1.0
 */
export type TransferTarget = typeof TransferTarget.Type

/**
 * - `warm`: whoever answers hears `summary` first, and is then connected. Default: false, a blind transfer.
 * - `summary`: what they hear, at most 1,000 characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransferOptions {
  readonly warm?: boolean | undefined
  readonly summary?: string | undefined
}

/**
 * One thing to do with a call.
 *
 * @category models
 * @since 0.1.0
 */
export const CallCommand = Schema.Union([
  Schema.Struct({ action: Schema.Literal("send_dtmf"), digits: Digits }).annotate({
    description: "Sends keys to the other end of the call."
  }),
  Schema.Struct({
    action: Schema.Literal("transfer"),
    target: TransferTarget,
    warm: Schema.optionalKey(Schema.Boolean),
    summary: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1_000)))
  }).annotate({ description: "Transfers the call; a failed transfer gives it back to the agent." }),
  Schema.Struct({ action: Schema.Literal("hang_up") }).annotate({
    description: "Finishes what the agent is saying, and ends the session and its call."
  }),
  Schema.Struct({ action: Schema.Literal("hold"), on: Schema.Boolean }).annotate({
    description: "Holds the call: the agent is neither heard nor hears, until it is taken back."
  }),
  Schema.Struct({ action: Schema.Literal("mute"), on: Schema.Boolean }).annotate({
    description: "Mutes the user: the agent is heard, and hears silence."
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type CallCommand = typeof CallCommand.Type

/**
 * The command to transfer a call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transfer = (target: TransferTarget, options: TransferOptions | undefined): CallCommand => ({
  action: "transfer",
  target,
  ...(options?.warm === undefined ? {} : { warm: options.warm }),
  ...(options?.summary === undefined ? {} : { summary: options.summary })
})

/**
 * Checks a command that a program has made. The error quotes no value: digits may be a secret.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = (op: string, command: CallCommand): Effect.Effect<CallCommand, InvalidConfig> =>
  Faults.check(CallCommand, command, { op, what: "invalid call command", at: [] })
