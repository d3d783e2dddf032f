/**
 * The `call_tools` section of a config: what the agent `llm` may do with a telephone call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"

const Target = Schema.NonEmptyString.check(Schema.isMaxLength(256))

/**
 * Where a call may be transferred to; one of `to`, `agent` and `queue`.
 *
 * @category models
 * @since 0.1.0
 */
export const CallToolTarget = Schema.Struct({
  to: Schema.optionalKey(Target),
  agent: Schema.optionalKey(Target),
  queue: Schema.optionalKey(Target),
  description: Schema.String.check(Schema.isMaxLength(512)).pipe(withDefault("")),
  warm: Schema.Boolean.pipe(withDefault(false))
}).check(
  Schema.makeFilter(({ agent, queue, to }) =>
    [agent, queue, to].filter((target) => target !== undefined).length === 1 || "expected one of to, agent and queue"
  )
)

/**
 * The tools by name.
 *
 * @category models
 * @since 0.1.0
 */
export const CallToolName = Schema.Literals(["hang_up", "transfer_call", "send_digits", "collect_digits", "hold"])

/**
 * - `use`: the tools that the agent has: `hang_up` ends the call after the agent's last word, `transfer_call` transfers it to one of
 *   `targets`, `send_digits` sends keys to the other end, `collect_digits` asks for digits, which are the user's next turn, and `hold`
 *   holds the call for some seconds. Default: none.
 * - `targets`: where the call may be transferred to, by the names that the model has for them; up to 64. A number that a user says
 *   is never one. Each has one of `to`, `agent` and `queue`.
 * - `targets.to`: a number (E.164), a SIP address, or a name of the provider's `transfer_targets`.
 * - `targets.agent`: another registered agent, which has the call from then on.
 * - `targets.queue`: a queue of the carrier.
 * - `targets.description`: what the model is told of it: when to transfer there. Default: its name alone.
 * - `targets.warm`: whoever answers hears the model's summary first, and is then connected. false.
 *
 * @category models
 * @since 0.1.0
 */
export const CallToolOptions = Schema.Struct({
  use: Schema.Array(CallToolName).check(Schema.isMaxLength(5)).pipe(withDefault([])),
  targets: Schema.Record(Schema.String, CallToolTarget).pipe(withDefault({}))
}).check(
  Schema.makeFilter(({ targets }) => {
    const names = Object.keys(targets)
    if (names.length > 64) return "targets: at most 64"
    return names.every((name) => /^[\p{L}\p{N}_ -]{1,64}$/u.test(name)) ||
      "targets: a name has 1 to 64 letters, digits, spaces, _ and -"
  }),
  Schema.makeFilter(({ targets, use }) =>
    !use.includes("transfer_call") || Object.keys(targets).length > 0 || "transfer_call needs targets"
  )
)

/**
 * @category models
 * @since 0.1.0
 */
export type CallToolOptions = typeof CallToolOptions.Type
