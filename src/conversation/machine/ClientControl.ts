/**
 * The transitions of what a client may ask of the conversation: to end or drop the user's turn, to answer, to go on with another
 * policy.
 *
 * @since 0.1.0
 */
import type { AwaitedTranscript, ReplySource } from "../ConversationState.ts"
import { addAwaited } from "./AwaitedTranscripts.ts"
import { discardSpeculation, queueAnswer, resumeReply, startReply } from "./ReplyControl.ts"
import type { Step } from "./Step.ts"
import { completeTurn, finalizeTurn, startSpeaking } from "./Turn.ts"

const noTranscript = { finals: "", interim: "" }

/**
 * The user's turn is over, whatever is heard: what was said until this sample belongs to it, also where no sound was detected.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onEndTurn = (step: Step, atSample: number): void => {
  const { lifecycle, turnStart, user } = step.state
  if (step.options.turnAuthority === "remote" || lifecycle._tag === "New") return
  // a draining conversation takes no new turn
  if (lifecycle._tag === "Draining" && (user._tag === "Quiet" || user._tag === "Noise") && step.openText === "") return
  if (user._tag === "Finalizing") {
    // what was said since belongs to it, too
    const goesOn = atSample > user.untilSample && (step.manual || user.userStillSpeaking)
    if (!goesOn) {
      step.set({ user: { ...user, extended: true, ended: true } })
      if (user.awaits === "prediction") completeTurn(step, true)
      return
    }
  }
  const isSpeaking = user._tag === "Speaking" || user._tag === "Noise" ||
    (user._tag === "Finalizing" && user.userStillSpeaking)
  step.set({
    // how long the user had been silent was the user's choice
    timestamps: { start: step.atMs },
    turnStart: turnStart ?? { sample: atSample, ms: step.atMs }
  })
  step.cancelTimer("finalize")
  finalizeTurn(step, atSample, isSpeaking, true, true)
}

/** The transcript of everything up to this sample is asked for, and is not used. */
const dropTranscript = (step: Step, untilSample: number): void => {
  const id = step.state.finalizeId + 1
  step.set({ finalizeId: id })
  const dropped: AwaitedTranscript = {
    id,
    usedText: "",
    question: undefined,
    lateText: "",
    droppedUntilMs: step.atMs + step.options.finalizeTimeoutMs
  }
  addAwaited(step, dropped)
  step.commands.push({ _tag: "Finalize", id, untilSample })
}

/**
 * What was said in the open turn is forgotten, also what the recogniser has not sent yet. A user who speaks on begins another
 * turn by that.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onDropTurn = (step: Step, atSample: number): void => {
  const { lifecycle, user } = step.state
  const { transcriptBased } = step.options
  if (!transcriptBased || lifecycle._tag === "New") return
  const isOpen = (user._tag !== "Quiet" && user._tag !== "Noise") || step.openText !== ""
  // without a detected sound there may be words, too, where only the client ends turns
  if (!isOpen && !step.manual) return
  for (const name of ["endpoint", "finalize", "longest", "noise"] as const) step.cancelTimer(name)
  discardSpeculation(step)
  step.set({
    openTranscript: noTranscript,
    lastFinal: "",
    timestamps: undefined,
    turnStart: undefined,
    speechMs: undefined,
    endOfTurnPrediction: undefined,
    answersQuestion: false,
    finishedReplyText: ""
  })
  dropTranscript(step, atSample)
  const isSpeaking = user._tag === "Speaking" || (user._tag === "Finalizing" && user.userStillSpeaking)
  if (isSpeaking) startSpeaking(step, atSample)
  else {
    if (user._tag !== "Noise") step.set({ user: { _tag: "Quiet" } })
    resumeReply(step)
  }
}

/**
 * The agent is to answer the conversation as it is: at once, or after the turn that is open.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onRespond = (step: Step, instructions: string | undefined): void => {
  const { agent, lifecycle, request } = step.state
  if (lifecycle._tag !== "Open" || request !== undefined) return
  if (
    agent._tag !== "Silent" && (agent.reply.source._tag === "Answer" || agent.reply.source._tag === "ModelInitiated")
  ) {
    return
  }
  // it was made without them
  if (instructions !== undefined) discardSpeculation(step)
  step.set({ request: { instructions } })
}

/** Whether the user's turn is open, so that an answer waits for its end. */
const isTurnOpen = (step: Step): boolean => {
  const { user } = step.state
  switch (user._tag) {
    case "Quiet":
    case "Noise":
      return false
    case "Speaking":
    case "Paused":
      // such a turn may be open for ever
      return !step.manual
    case "Finalizing":
    case "Waiting":
      return true
  }
}

/** What the agent is asked. A model that answers sound is asked only where something was said. */
const askedSource = (step: Step): ReplySource | undefined => {
  const { history, unasked } = step.state
  if (unasked) return { _tag: "Answer", transcript: "", kind: "speech" }
  const last = history.at(-1)
  const question = last?.role === "user" ? last : undefined
  if (question === undefined && !step.options.transcriptBased) return undefined
  const kind = question?.kind === "text" ? "text" : "speech"
  return { _tag: "Answer", transcript: question?.text ?? "", kind, resumed: true, asked: true }
}

/**
 * Starts the answer that was requested, unless the agent or the user has something to say first.
 *
 * @category transitions
 * @since 0.1.0
 */
export const answerRequest = (step: Step): void => {
  const { agent, lifecycle, request } = step.state
  const { held = false, quiet = false } = step.options
  if (request === undefined || agent._tag !== "Silent" || held || quiet || isTurnOpen(step)) return
  if (lifecycle._tag === "New" || lifecycle._tag === "Closed") return
  const source = askedSource(step)
  if (source === undefined) step.set({ request: undefined })
  else startReply(step, source, { start: step.atMs })
}

/**
 * The policy is another one: a turn that is open ends as the new one says.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onPolicyChanged = (step: Step): void => {
  // counted anew, with its new length
  step.cancelTimer("away")
  const { timers, user } = step.state
  if (!step.manual) {
    if (user._tag === "Speaking" && timers.longest === undefined) startSpeaking(step, user.sinceSample, true)
    return
  }
  for (const name of ["endpoint", "longest", "noise"] as const) step.cancelTimer(name)
  discardSpeculation(step)
  if (user._tag === "Paused") step.set({ user: { _tag: "Quiet" }, turnStart: undefined })
  else if (user._tag === "Finalizing") {
    step.set({ user: { ...user, extended: true, ended: true } })
    if (user.awaits === "prediction") completeTurn(step, true)
  } else if (user._tag === "Waiting") {
    const transcript = step.openText
    step.set({ user: { _tag: "Quiet" }, openTranscript: noTranscript, timestamps: undefined })
    if (transcript !== "") queueAnswer(step, { _tag: "Answer", transcript, kind: "speech" })
  }
}
