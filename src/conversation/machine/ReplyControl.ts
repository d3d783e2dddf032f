/**
 * Starts, pauses, resumes and ends the agent's replies, and closes the conversation.
 *
 * @since 0.1.0
 */
import type { SessionEnd, SpeechEnd } from "../ConversationEvent.ts"
import type { NextAction, Reply, ReplySource, Speculation } from "../ConversationState.ts"
import { isUninterruptible } from "../ConversationState.ts"
import type { TurnTimestamps } from "../TurnLatency.ts"
import type { Step } from "./Step.ts"
import { joinTexts, sameWords } from "./TranscriptText.ts"

/**
 * Whether a reply answers speech whose transcript is not known yet.
 *
 * @category predicates
 * @since 0.1.0
 */
export const lacksTranscript = (source: ReplySource): boolean =>
  source._tag === "ModelInitiated" || (source._tag === "Answer" && source.transcript === "")

/**
 * Drops the preemptive reply.
 *
 * @category transitions
 * @since 0.1.0
 */
export const discardSpeculation = (step: Step): void => {
  const { speculation } = step.state
  if (speculation === undefined) return
  step.set({ speculation: undefined })
  if (!speculation.failed) step.commands.push({ _tag: "Discard", epoch: speculation.epoch })
}

type Answer = Extract<ReplySource, { readonly _tag: "Answer" }>

/** Takes the preemptive reply if it answers the same words; otherwise drops it. */
const takeSpeculation = (step: Step, source: ReplySource): Speculation | undefined => {
  const { speculation } = step.state
  if (speculation === undefined) return undefined
  const matches = source._tag === "Answer" && source.kind === "speech" &&
    sameWords(source.transcript, speculation.transcript)
  if (matches && !speculation.failed) {
    step.set({ speculation: undefined })
    return speculation
  }
  discardSpeculation(step)
  return undefined
}

/**
 * Whether a question is put into the history and not answered: answers are requested, and this one was not.
 */
const isOnRequest = ({ options: { policy }, state: { request } }: Step, source: ReplySource): boolean =>
  policy.answers === "on_request" && request === undefined && source._tag === "Answer" && source.resumed !== true

/** The user's question becomes a part of the history. */
const recordQuestion = (
  step: Step,
  { kind, transcript }: Answer,
  turn: number,
  atMs: number
): void => {
  step.emit({ type: "user.transcript", turn, text: transcript, final: true })
  step.append({ role: "user", turn, kind, text: transcript, interrupted: false }, atMs)
}

/** The history before a question that is already a part of it: the last item, or what was said in the present turn. */
const historyBefore = ({ history, turn }: Step["state"], { asked, transcript }: Answer): Step["state"]["history"] =>
  history.filter((item, index) => {
    const isLast = index === history.length - 1 && item.text === transcript
    return item.role !== "user" || !(isLast || (asked !== true && item.id === undefined && item.turn === turn))
  })

/** Whether an answer belongs to the last turn, whose question is a part of the history. */
const isOfLastTurn = ({ history, turn }: Step["state"], { asked, resumed }: Answer): boolean => {
  const last = history.at(-1)
  return resumed === true && (asked !== true || (last?.role === "user" && last.id === undefined && last.turn === turn))
}

/**
 * Starts a reply, or commits the preemptive reply if it answers the same words. The agent must be silent.
 *
 * @category transitions
 * @since 0.1.0
 */
export const startReply = (step: Step, source: ReplySource, timestamps: TurnTimestamps | undefined): void => {
  if (source._tag === "Answer" && isOnRequest(step, source)) {
    discardSpeculation(step)
    // a model that answers sound is asked when the answer is requested
    if (source.transcript === "") return step.set({ unasked: true })
    step.set({ turn: step.state.turn + 1, unreportedTurn: undefined })
    return recordQuestion(step, source, step.state.turn, timestamps?.start ?? step.atMs)
  }
  const instructions = step.state.request?.instructions
  if (source._tag === "Answer" || source._tag === "ModelInitiated") step.set({ request: undefined, unasked: false })
  if (source._tag === "Answer" && instructions !== undefined) source = { ...source, instructions }
  const resumed = source._tag === "Answer" && source.resumed === true
  const history = source._tag === "Answer" && source.resumed === true
    ? historyBefore(step.state, source)
    : step.state.history
  const speculation = takeSpeculation(step, source)
  const turn = step.state.turn + (source._tag === "Answer" && isOfLastTurn(step.state, source) ? 0 : 1)
  const epoch = speculation?.epoch ?? step.state.epoch + 1
  step.set({
    turn,
    epoch: Math.max(epoch, step.state.epoch),
    // a text of the agent's own, as an apology, answers no turn: the transcript of the one before may still come
    unreportedTurn: source._tag === "Text" || source._tag === "Audio"
      ? step.state.unreportedTurn
      : lacksTranscript(source) && !history.some((item) => item.id === undefined && item.turn === turn)
      ? turn
      : undefined,
    agent: {
      _tag: "Active",
      reply: {
        epoch,
        turn,
        source,
        audibleAt: undefined,
        spokenText: "",
        hasText: speculation?.timestamps.agent !== undefined,
        failed: false,
        timestamps: timestamps === undefined ? undefined : { ...timestamps, ...speculation?.timestamps }
      }
    }
  })
  if (source._tag === "Answer" && source.transcript !== "" && !resumed) {
    recordQuestion(step, source, turn, timestamps?.start ?? step.atMs)
  }
  if (speculation === undefined) {
    step.commands.push({ _tag: "Start", epoch, turn, source, history, speculative: false })
  } else {
    step.commands.push({ _tag: "Commit", epoch })
  }
}

/** The action after a reply that already has one: two questions in a row become one question. */
const mergeNext = (former: NextAction, next: NextAction): NextAction =>
  former._tag === "Start" && former.source._tag === "Answer" && former.source.resumed !== true &&
    next._tag === "Start" && next.source._tag === "Answer"
    ? { ...next, source: { ...next.source, transcript: joinTexts(former.source.transcript, next.source.transcript) } }
    : next

/**
 * Ends the reply for good. `next` happens once its played text is known.
 *
 * @category transitions
 * @since 0.1.0
 */
export const endReply = (step: Step, reason: SpeechEnd, next: NextAction): void => {
  const { agent } = step.state
  switch (agent._tag) {
    case "Silent":
      return
    case "Ending":
      // a close is final, and a question must not be lost
      if (agent.next._tag !== "Close") step.set({ agent: { ...agent, next: mergeNext(agent.next, next) } })
      return
    case "Active":
    case "Held": {
      const { reply } = agent
      step.cancelTimer("confirm")
      step.set({ agent: { _tag: "Ending", reply, reason, next } })
      step.commands.push({ _tag: "End", epoch: reply.epoch, reason })
      // what a failed reply has given to the client is still to be heard
      if (reason === "interrupted" && reply.audibleAt !== undefined && agent._tag === "Active") {
        step.emit({ type: "playout.clear", turn: reply.turn })
      }
    }
  }
}

/** Cuts the reply off, and returns it if nothing of it was audible. Given text or audio is then queued again. */
const cutOffReply = (step: Step, next: NextAction): Reply | undefined => {
  const { agent } = step.state
  const inaudible = (agent._tag === "Active" || agent._tag === "Held") && agent.reply.audibleAt === undefined
    ? agent.reply
    : undefined
  endReply(step, "interrupted", next)
  const source = inaudible?.source
  if ((source?._tag === "Text" && !source.optional) || source?._tag === "Audio") {
    step.set({ queue: [source, ...step.state.queue] })
  }
  return inaudible
}

/**
 * Moves the question of an answer that nobody has heard back into the open turn.
 *
 * @category transitions
 * @since 0.1.0
 */
export const withdrawQuestion = (step: Step, { source, turn }: Reply): void => {
  if (source._tag !== "Answer" || source.kind !== "speech" || source.transcript === "" || source.resumed === true) {
    return
  }
  const { history, openTranscript } = step.state
  step.set({
    turn: turn - 1,
    history: history.filter((item) => item.id !== undefined || !(item.turn === turn && item.role === "user")),
    openTranscript: { finals: joinTexts(source.transcript, openTranscript.finals), interim: openTranscript.interim }
  })
  step.commands.push({ _tag: "Withdraw", turn })
}

/**
 * The user interrupts the agent. If nothing of the answer was audible, the user's turn simply continues.
 *
 * @category transitions
 * @since 0.1.0
 */
export const interruptReply = (step: Step): void => {
  const reply = cutOffReply(step, { _tag: "Nothing" })
  if (reply !== undefined) withdrawQuestion(step, reply)
}

/**
 * A question that is answered when the agent is silent: those that were spoken one after another are one.
 *
 * @category transitions
 * @since 0.1.0
 */
export const queueAnswer = (step: Step, source: Answer): void => {
  const { queue } = step.state
  const answers = queue.filter((other) => other._tag === "Answer")
  const others = queue.filter((other) => other._tag !== "Answer")
  const last = answers.at(-1)
  const joined = last === undefined || last.resumed === true || last.kind !== "speech"
    ? [...answers, source]
    : [...answers.slice(0, -1), { ...last, transcript: joinTexts(last.transcript, source.transcript) }]
  step.set({ queue: [...joined, ...others] })
}

/**
 * The user's turn is complete: starts the agent's answer, after an uninterruptible reply if one is playing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const requestAnswer = (step: Step, source: ReplySource, timestamps: TurnTimestamps | undefined): void => {
  const { agent, queue } = step.state
  const isTyped = source._tag === "Answer" && source.kind === "text"
  if (agent._tag === "Silent") {
    startReply(step, source, timestamps)
  } else if (
    (source._tag === "Answer" || source._tag === "ModelInitiated") && agent._tag !== "Ending" &&
    (isUninterruptible(agent.reply.source) || (isTyped && !step.options.policy.interruption.enabled))
  ) {
    // of the replies that a model began by itself, only the last answers what the user said last
    const others = source._tag === "ModelInitiated" ? queue.filter((other) => other._tag !== "ModelInitiated") : queue
    const answers = others.filter((other) => other._tag === "Answer")
    step.set({ queue: [...answers, source, ...others.filter((other) => other._tag !== "Answer")] })
  } else {
    cutOffReply(step, { _tag: "Start", source, timestamps })
  }
}

/**
 * Answers the questions that waited for the agent to be silent: adjacent ones become one question.
 *
 * @category transitions
 * @since 0.1.0
 */
export const answerQueuedQuestions = (step: Step): void => {
  const { agent, lifecycle, queue } = step.state
  const [head, ...rest] = queue
  if (agent._tag !== "Silent" || lifecycle._tag === "New" || lifecycle._tag === "Closed") return
  // a question from before a restart waits until the user is quiet, like text to say
  if (head?._tag !== "Answer" || head.resumed === true) return
  let source = head
  while (rest[0]?._tag === "Answer" && rest[0].resumed !== true) {
    source = { ...rest[0], transcript: joinTexts(source.transcript, rest[0].transcript) }
    rest.shift()
  }
  step.set({ queue: rest })
  startReply(step, source, { start: step.atMs })
}

/**
 * Resumes a held reply where it was paused.
 *
 * @category transitions
 * @since 0.1.0
 */
export const resumeReply = (step: Step): void => {
  const { agent } = step.state
  if (agent._tag !== "Held") return
  step.cancelTimer("confirm")
  step.set({ agent: { _tag: "Active", reply: agent.reply } })
  step.commands.push({ _tag: "Release", epoch: agent.reply.epoch })
  if (agent.reply.audibleAt !== undefined) step.emit({ type: "agent.speech_resumed", turn: agent.reply.turn })
}

/**
 * Closes the conversation. The agent must be silent.
 *
 * @category transitions
 * @since 0.1.0
 */
export const closeConversation = (step: Step, reason: SessionEnd): void => {
  for (const name of ["endpoint", "confirm", "longest", "finalize", "noise", "away"] as const) step.cancelTimer(name)
  discardSpeculation(step)
  step.set({ lifecycle: { _tag: "Closed", reason }, queue: [], user: { _tag: "Quiet" } })
  step.publishState()
  step.emit({ type: "session.ended", reason })
  step.commands.push({ _tag: "Close", reason })
}
