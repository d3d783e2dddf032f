/**
 * The conversation: a pure state machine that decides who speaks.
 *
 * `step` takes an input, and returns the next state and the commands that the session must carry out. It knows no clock, no
 * vendor and no Effect: time and positions are data, so the same inputs always give the same conversation. The history is
 * appended to, and events are emitted, by the `Step` of a transition and nowhere else.
 *
 * @since 0.1.0
 */
import type { Command } from "./ConversationCommand.ts"
import type { TimedInput } from "./ConversationInput.ts"
import type { ConversationOptions } from "./ConversationOptions.ts"
import { isReplyUninterruptible, type State } from "./ConversationState.ts"
import { onDropTurn, onEndTurn, onPolicyChanged, onRespond } from "./machine/ClientControl.ts"
import { cutHeard, insertItem, removeItem } from "./machine/HistoryChanges.ts"
import { applyIdleTransitions } from "./machine/IdleTransitions.ts"
import { closeConversation, endReply, requestAnswer } from "./machine/ReplyControl.ts"
import {
  emitError,
  onReplyAudible,
  onReplyEnded,
  onReplyFailed,
  onReplyPlayed,
  onReplyProgress,
  onReplyText
} from "./machine/ReplyTransitions.ts"
import { Step } from "./machine/Step.ts"
import { onEndOfTurn, onEndOfTurnPredicted, onFinalized, onTranscript } from "./machine/TranscriptTransitions.ts"
import { onUserText, startSpeaking } from "./machine/Turn.ts"
import { onInputEnded, onSpeechStarted, onSpeechStopped, onTimer } from "./machine/UserTransitions.ts"

export { initial, isReplyUninterruptible, publicState } from "./ConversationState.ts"

/** The first user has attached: the agent greets, unless the conversation is resumed. */
const onStarted = (current: Step): void => {
  const { history, lifecycle, queue } = current.state
  if (lifecycle._tag !== "New") return
  const { firstSpeaker, greeting = "" } = current.options.policy
  current.set({ lifecycle: { _tag: "Open" } })
  if (firstSpeaker === "agent" && greeting !== "" && history.length === 0) {
    current.set({ queue: [{ _tag: "Text", text: greeting, optional: true }, ...queue] })
  }
}

/** A speech-to-speech model has ended the user's turn. */
const endModelTurn = (current: Step): void => {
  const { user } = current.state
  current.set({ timestamps: undefined })
  if (user._tag !== "Finalizing") return
  current.cancelTimer("finalize")
  current.set({ turnStart: undefined })
  if (user.userStillSpeaking) startSpeaking(current, user.untilSample)
  else current.set({ user: { _tag: "Quiet" } })
}

/** The model does not answer the user's turn: it is a turn of its own, and its transcript may still come. */
const onModelTurnUnanswered = (current: Step, reason: "empty" | "no_reply"): void => {
  if (current.options.turnAuthority !== "remote" || current.state.lifecycle._tag === "New") return
  endModelTurn(current)
  const turn = current.state.turn + 1
  const hasTranscript = current.state.history.some((item) => item.id === undefined && item.turn === turn)
  current.set({ turn, unreportedTurn: hasTranscript ? undefined : turn })
  current.emit({ type: "turn.unanswered", turn, reason })
}

/** A speech-to-speech model has begun a reply: by that it has also ended the user's turn. */
const onModelReplyStarted = (current: Step, reply: string): void => {
  const { lifecycle, queue, timestamps } = current.state
  if (lifecycle._tag === "New") {
    // a bot may greet before the user has attached
    const others = queue.filter((source) => source._tag !== "ModelInitiated")
    return current.set({ queue: [...others, { _tag: "ModelInitiated", reply }] })
  }
  endModelTurn(current)
  requestAnswer(current, { _tag: "ModelInitiated", reply }, timestamps)
}

const apply = (current: Step, input: TimedInput): void => {
  const { agent, lifecycle, queue, unavailableEngines } = current.state
  switch (input._tag) {
    case "Started":
      return onStarted(current)
    case "SpeechStarted":
      return lifecycle._tag === "New" ? undefined : onSpeechStarted(current, input)
    case "SpeechStopped":
      return onSpeechStopped(current, input)
    case "Interim":
      return onTranscript(current, input.text, false)
    case "Final":
      return onTranscript(current, input.text, true)
    case "Finalized":
      return onFinalized(current, input.id)
    case "EndOfTurn":
      return onEndOfTurn(current)
    case "EndOfTurnPredicted":
      return onEndOfTurnPredicted(current, input)
    case "TimerFired":
      return onTimer(current, input)
    case "UserText":
      return onUserText(current, input.text.trim(), input.spoken === true ? "speech" : "text")
    case "Say":
      return lifecycle._tag === "Draining"
        ? undefined
        : current.set({ queue: input.instead === true ? [input.source] : [...queue, input.source] })
    case "EndTurn":
      return onEndTurn(current, input.atSample)
    case "DropTurn":
      return onDropTurn(current, input.atSample)
    case "Respond":
      return onRespond(current, input.instructions)
    case "Insert":
      return insertItem(current, input)
    case "Remove":
      return removeItem(current, input.item)
    case "Cut":
      return cutHeard(current, input.turn, input.text)
    case "PolicyChanged":
      return onPolicyChanged(current)
    case "Interrupt":
      current.set({ request: undefined })
      return agent._tag === "Ending" || (!input.force && isReplyUninterruptible(current.state))
        ? undefined
        : endReply(current, "interrupted", { _tag: "Nothing" })
    case "Hold":
      // what was being said would be stale when the call is taken back; the rest follows from the options
      return input.on && agent._tag !== "Ending" ? endReply(current, "interrupted", { _tag: "Nothing" }) : undefined
    case "ModelReplyStarted":
      return onModelReplyStarted(current, input.reply)
    case "ModelTurnUnanswered":
      return onModelTurnUnanswered(current, input.reason)
    case "ReplyProgress":
      return onReplyProgress(current, input)
    case "ReplyAudible":
      return onReplyAudible(current, input.epoch)
    case "ReplyText":
      return onReplyText(current, input.epoch, input.text)
    case "ReplyPlayed":
      return onReplyPlayed(current, input.epoch)
    case "ReplyFailed":
      return onReplyFailed(current, input.epoch, input.error)
    case "ReplyEnded":
      return onReplyEnded(current, input.epoch, input.text)
    case "EngineDown":
      emitError(current, input.error)
      return unavailableEngines.includes(input.engine)
        ? undefined
        : current.set({ unavailableEngines: [...unavailableEngines, input.engine] })
    case "EngineUp":
      return current.set({ unavailableEngines: unavailableEngines.filter((engine) => engine !== input.engine) })
    case "InputEnded":
      return onInputEnded(current, input.atSample)
    case "Drain":
      if (lifecycle._tag === "New") return closeConversation(current, input.reason)
      return lifecycle._tag === "Open"
        ? current.set({ lifecycle: { _tag: "Draining", reason: input.reason, goodbye: true } })
        : undefined
    case "Close":
      return agent._tag === "Silent"
        ? closeConversation(current, input.reason)
        : endReply(current, "interrupted", { _tag: "Close", reason: input.reason })
  }
}

/**
 * Takes one input: returns the next state, and the commands in the order in which they must be carried out. A closed
 * conversation ignores further inputs.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (
  options: ConversationOptions,
  state: State,
  input: TimedInput
): { readonly state: State; readonly commands: ReadonlyArray<Command> } => {
  if (state.lifecycle._tag === "Closed") return { state, commands: [] }
  const current = new Step(options, state, input)
  apply(current, input)
  applyIdleTransitions(current)
  return { state: current.state, commands: current.commands }
}
