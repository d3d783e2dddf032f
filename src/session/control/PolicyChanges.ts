/**
 * A client's changes of the policy, and which of them a pipeline cannot follow. Pure.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import * as Faults from "../../schema/Faults.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type { PolicyChange } from "../SessionControl.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PolicyAndOutput extends PolicyChange {
  readonly output?: ConversationPolicy["output"] | undefined
}

const op = "VoiceSession.control"
const what = "the policy is not valid"
const check = Schema.decodeUnknownResult(Schema.toType(ConversationPolicy), { errors: "all" })

/**
 * The policy with the changes; the error says what of them is not valid.
 *
 * @category combinators
 * @since 0.1.0
 */
export const apply = (policy: ConversationPolicy, change: PolicyAndOutput): ConversationPolicy | InvalidConfig => {
  const { answers, awayAfterMs, interruptions, maxSilenceMs, output, silenceMs, turns } = change
  for (const ms of [awayAfterMs, maxSilenceMs, silenceMs]) {
    // a duration cannot be made of it
    if (ms !== undefined && !(Number.isFinite(ms) && ms >= 0)) {
      return Faults.toError(op, what, [{ path: "conversation", message: "expected a number of ms, 0 or more" }])
    }
  }
  const changed: ConversationPolicy = {
    ...policy,
    ...(turns === undefined ? {} : { turns }),
    ...(answers === undefined ? {} : { answers }),
    ...(output === undefined ? {} : { output }),
    endpointing: {
      ...policy.endpointing,
      ...(silenceMs === undefined ? {} : { silence: Duration.millis(silenceMs) }),
      ...(maxSilenceMs === undefined ? {} : { maxSilence: Duration.millis(maxSilenceMs) })
    },
    interruption: { ...policy.interruption, ...(interruptions === undefined ? {} : { enabled: interruptions }) },
    away: { ...policy.away, ...(awayAfterMs === undefined ? {} : { after: Duration.millis(awayAfterMs) }) }
  }
  return Result.getOrElse(
    check(changed),
    (error) => Faults.toError(op, what, Faults.fromSchemaError(ConversationPolicy, error, ["conversation"]))
  )
}

/**
 * What a pipeline cannot do of a policy that the former did not ask for, if anything.
 *
 * @category predicates
 * @since 0.1.0
 */
export const unsupportedBy = (
  pipeline: Pipeline | undefined,
  former: ConversationPolicy,
  { answers, output, turns }: ConversationPolicy
): string | undefined => {
  if (turns !== former.turns && turns === "manual" && pipeline?.endsTurns !== true) return "decides turns"
  if (answers !== former.answers && answers === "on_request" && pipeline?.endsTurns !== true) return "answers by itself"
  if (output !== former.output && output === "text" && pipeline?.writesText !== true) return "speaks its answers"
  return undefined
}
