/**
 * What becomes of the agent's replies: heard, failed, over.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../../BackendError.ts"
import type { Event } from "../ConversationState.ts"
import * as TurnLatency from "../TurnLatency.ts"
import type { Step } from "./Step.ts"

/**
 * @category transitions
 * @since 0.1.0
 */
export const onAudible = (draft: Step, epoch: number): void => {
  const reply = draft.reply(epoch)
  if (reply === undefined || reply.audibleAt !== undefined || draft.state.agent._tag === "Ending") return
  const marks = reply.marks === undefined ? undefined : { ...reply.marks, playout: draft.atMs }
  draft.setReply({ ...reply, audibleAt: draft.atMs, marks })
  draft.emit({ type: "agent.speech_started", turn: reply.turn })
  if (marks === undefined) return
  const { parts, totalMs } = TurnLatency.parts(marks)
  draft.emit({ type: "turn.latency", turn: reply.turn, totalMs, parts })
  const targetMs = draft.options.latencyTargetMs
  if (totalMs > targetMs) draft.emit({ type: "turn.latency_exceeded", turn: reply.turn, totalMs, targetMs })
}

/**
 * Tells an error to whoever listens.
 *
 * @category transitions
 * @since 0.1.0
 */
export const emitError = (draft: Step, error: BackendError): void =>
  draft.emit({
    type: "error",
    code: error.code,
    message: error.message,
    ...(error.details === undefined ? {} : { details: error.details })
  })

/**
 * @category transitions
 * @since 0.1.0
 */
export const onFailed = (draft: Step, epoch: number, error: BackendError): void => {
  const reply = draft.reply(epoch)
  if (reply === undefined) {
    // nobody knows of an answer in the making, nor that it failed: the turn is asked again when it is over
    const { speculation } = draft.state
    if (speculation?.epoch !== epoch || speculation.failed) return
    draft.discard()
    draft.set({ speculation: { ...speculation, failed: true } })
    return
  }
  if (draft.state.agent._tag === "Ending") return
  emitError(draft, error)
  const { apology } = draft.options.policy
  const sorry = reply.source._tag === "Answer" && reply.audibleAt === undefined && apology !== ""
  draft.end(
    "failed",
    sorry
      ? { _tag: "Start", source: { _tag: "Text", text: apology, optional: true }, marks: undefined }
      : { _tag: "Nothing" }
  )
}

/**
 * @category transitions
 * @since 0.1.0
 */
export const onHeard = (draft: Step, epoch: number, text: string): void => {
  const { agent, user } = draft.state
  if (agent._tag !== "Ending" || agent.reply.epoch !== epoch) return
  const { next, reason, reply } = agent
  const over = reason === "completed" && user._tag !== "Quiet" ? reply.said : draft.state.over
  draft.set({ agent: { _tag: "Silent" }, over })
  if (reply.audibleAt !== undefined) {
    const kind = reply.source._tag === "Audio" ? "audio" : "speech"
    if (text !== "" || kind === "audio") {
      draft.append(
        { role: "agent", turn: reply.turn, kind, text, interrupted: reason !== "completed" },
        reply.audibleAt
      )
    }
    draft.emit({ type: "agent.speech_stopped", turn: reply.turn, reason, text })
  }
  if (next._tag === "Close") draft.close(next.reason)
  else if (next._tag === "Start") draft.start(next.source, next.marks)
}

/**
 * The reply is further: the agent's first words, its first clause, its first speech.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onProgress = (draft: Step, event: Extract<Event, { readonly _tag: "ReplyProgress" }>): void => {
  const { epoch, stage } = event
  const { speculation } = draft.state
  if (speculation?.epoch === epoch && speculation.marks[stage] === undefined) {
    draft.set({ speculation: { ...speculation, marks: { ...speculation.marks, [stage]: draft.atMs } } })
  }
  const reply = draft.reply(epoch)
  if (reply?.marks === undefined || reply.marks[stage] !== undefined) return
  draft.setReply({ ...reply, marks: { ...reply.marks, [stage]: draft.atMs } })
}
