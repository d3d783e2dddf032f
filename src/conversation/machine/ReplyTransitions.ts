/**
 * The reply's transitions: it makes progress, becomes audible, fails, or has ended.
 *
 * @since 0.1.0
 */
import { type BackendError, detailsForUsers, messageForUsers } from "../../BackendError.ts"
import type { SpeechEnd, UnansweredReason } from "../ConversationEvent.ts"
import type { TimedInput } from "../ConversationInput.ts"
import type { NextAction, Reply } from "../ConversationState.ts"
import * as TurnLatency from "../TurnLatency.ts"
import { closeConversation, discardSpeculation, endReply, startReply } from "./ReplyControl.ts"
import type { Step } from "./Step.ts"

/**
 * The first frame of the reply was sent to the user.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onReplyAudible = (step: Step, epoch: number): void => {
  const reply = step.replyOf(epoch)
  if (reply === undefined || reply.audibleAt !== undefined || step.state.agent._tag === "Ending") return
  const timestamps = reply.timestamps === undefined ? undefined : { ...reply.timestamps, playout: step.atMs }
  step.setReply({ ...reply, audibleAt: step.atMs, timestamps })
  // a soft voice may answer with the same words as before, without a detected sound
  if (step.options.turnAuthority === "stt") step.set({ lastFinal: "" })
  step.emit({ type: "agent.speech_started", turn: reply.turn })
  if (timestamps === undefined) return
  const { parts, totalMs } = TurnLatency.parts(timestamps)
  step.emit({ type: "turn.latency", turn: reply.turn, totalMs, parts })
  const targetMs = step.options.latencyTargetMs
  if (totalMs > targetMs) step.emit({ type: "turn.latency_exceeded", turn: reply.turn, totalMs, targetMs })
}

/**
 * The audio of a text of the reply begins to play.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onReplyText = (step: Step, epoch: number, text: string): void => {
  const reply = step.replyOf(epoch)
  if (reply === undefined || step.state.agent._tag === "Ending") return
  step.recordSpokenText(reply, text)
  step.emit({ type: "agent.transcript", turn: reply.turn, text })
}

/**
 * Emits an `error` event: the code of a failure and its sentence.
 *
 * @category transitions
 * @since 0.1.0
 */
export const emitError = (step: Step, error: BackendError): void => {
  const details = detailsForUsers(error)
  step.emit({
    type: "error",
    code: error.code,
    message: messageForUsers(error),
    ...(details === undefined ? {} : { details })
  })
}

/**
 * The reply, or the preemptive reply, has failed. What was made of the reply is still played.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onReplyFailed = (step: Step, epoch: number, error: BackendError): void => {
  const reply = step.replyOf(epoch)
  if (reply === undefined) {
    // the failure of a preemptive reply is not reported: the agent is asked again when the turn is over
    const { speculation } = step.state
    if (speculation?.epoch !== epoch || speculation.failed) return
    discardSpeculation(step)
    step.set({ speculation: { ...speculation, failed: true } })
    return
  }
  if (step.state.agent._tag === "Ending") return
  emitError(step, error)
  step.setReply({ ...reply, failed: true })
}

/** Whether a reply answers what the user has said or typed. */
const isAnswer = ({ source }: Reply): boolean => source._tag === "Answer" || source._tag === "ModelInitiated"

/** What follows a failed reply: the apology for an answer, unless the user has spoken since. */
const afterFailure = (step: Step, reply: Reply): NextAction => {
  const { options: { policy: { apology } }, state: { user } } = step
  return isAnswer(reply) && apology !== "" && (user._tag === "Quiet" || user._tag === "Noise")
    ? { _tag: "Start", source: { _tag: "Text", text: apology, optional: true }, timestamps: undefined }
    : { _tag: "Nothing" }
}

/**
 * All that was made of the reply has been played.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onReplyPlayed = (step: Step, epoch: number): void => {
  const reply = step.replyOf(epoch)
  if (reply === undefined || step.state.agent._tag === "Ending") return
  if (reply.failed) endReply(step, "failed", afterFailure(step, reply))
  else endReply(step, "completed", { _tag: "Nothing" })
}

/** Why an answer of which nothing was heard is none; `undefined` if it is one, or answers no turn. */
const unansweredReason = (step: Step, reply: Reply, reason: SpeechEnd): UnansweredReason | undefined => {
  if (!isAnswer(reply) || reply.audibleAt !== undefined) return undefined
  if (reason === "failed") return "failed"
  // a turn that was taken back goes on
  if (reason === "interrupted") return step.state.turn < reply.turn ? undefined : "interrupted"
  return reply.hasText ? "nothing_to_speak" : "empty"
}

/**
 * The reply has ended, and `text` of it was played: appends it to the history, and does what follows.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onReplyEnded = (step: Step, epoch: number, text: string): void => {
  const { agent, user } = step.state
  if (agent._tag !== "Ending" || agent.reply.epoch !== epoch) return
  const { next, reason, reply } = agent
  const finishedReplyText = reason !== "interrupted" && user._tag !== "Quiet"
    ? reply.spokenText
    : step.state.finishedReplyText
  step.set({ agent: { _tag: "Silent" }, finishedReplyText })
  if (reply.audibleAt !== undefined) {
    const kind = reply.source._tag === "Audio" ? "audio" : "speech"
    if (text !== "" || kind === "audio") {
      step.append(
        { role: "agent", turn: reply.turn, kind, text, interrupted: reason !== "completed" },
        reply.audibleAt
      )
    }
    step.emit({ type: "agent.speech_stopped", turn: reply.turn, reason, text })
  }
  const unanswered = unansweredReason(step, reply, reason)
  if (unanswered !== undefined) step.emit({ type: "turn.unanswered", turn: reply.turn, reason: unanswered })
  if (next._tag === "Close") closeConversation(step, next.reason)
  else if (next._tag === "Start") startReply(step, next.source, next.timestamps)
}

/**
 * A stage of the reply, or of the preemptive reply, has its first output: records when.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onReplyProgress = (
  step: Step,
  { epoch, stage }: Extract<TimedInput, { readonly _tag: "ReplyProgress" }>
): void => {
  const { speculation } = step.state
  if (speculation?.epoch === epoch && speculation.timestamps[stage] === undefined) {
    step.set({ speculation: { ...speculation, timestamps: { ...speculation.timestamps, [stage]: step.atMs } } })
  }
  const reply = step.replyOf(epoch)
  if (reply === undefined) return
  const timestamps = reply.timestamps === undefined || reply.timestamps[stage] !== undefined
    ? reply.timestamps
    : { ...reply.timestamps, [stage]: step.atMs }
  step.setReply({ ...reply, timestamps, hasText: reply.hasText || stage === "agent" })
}
