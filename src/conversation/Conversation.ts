/**
 * The conversation: a pure state machine that decides who speaks.
 *
 * `step` takes what happened and gives the next state and what the shell must do. It knows no clock, no vendor and no
 * Effect: time and positions come in as data, so the same events always make the same conversation. History is
 * appended, and the conversation's events are emitted, in the `Draft` of a step and nowhere else.
 *
 * @since 0.1.0
 */
import type { Command, ConversationOptions, Event, State } from "./ConversationState.ts"
import { settle } from "./machine/Idle.ts"
import { emitError, onAudible, onFailed, onHeard, onProgress } from "./machine/ReplyTransitions.ts"
import { Step } from "./machine/Step.ts"
import { onText, speaking } from "./machine/Turn.ts"
import {
  onEndOfTurn,
  onFinalized,
  onInputEnded,
  onJudged,
  onSpeechStarted,
  onSpeechStopped,
  onTimer,
  onTranscript
} from "./machine/UserTransitions.ts"

export { initial, publicState } from "./ConversationState.ts"

const apply = (draft: Step, event: Event): void => {
  const { agent, lifecycle, user } = draft.state
  switch (event._tag) {
    case "Started": {
      if (lifecycle._tag !== "New") return
      const { firstSpeaker, greeting } = draft.options.policy
      draft.set({ lifecycle: { _tag: "Open" } })
      if (firstSpeaker === "agent" && greeting !== "" && draft.state.history.length === 0) {
        draft.set({ queue: [{ _tag: "Text", text: greeting, optional: true }, ...draft.state.queue] })
      }
      return
    }
    case "SpeechStarted":
      return lifecycle._tag === "New" ? undefined : onSpeechStarted(draft, event)
    case "SpeechStopped":
      return onSpeechStopped(draft, event)
    case "Interim":
      return onTranscript(draft, event.text, false)
    case "Final":
      return onTranscript(draft, event.text, true)
    case "Finalized":
      return onFinalized(draft, event.id)
    case "EndOfTurn":
      return onEndOfTurn(draft)
    case "Judged":
      return onJudged(draft, event)
    case "TimerFired":
      return onTimer(draft, event)
    case "UserText":
      return onText(draft, event.text.trim())
    case "Say":
      return lifecycle._tag === "Draining" ? undefined : draft.set({ queue: [...draft.state.queue, event.source] })
    case "Interrupt":
      return agent._tag === "Ending" ? undefined : draft.end("interrupted", { _tag: "Nothing" })
    case "RemoteReply": {
      if (lifecycle._tag === "New") return
      const { marks } = draft.state
      draft.set({ marks: undefined })
      if (user._tag === "Finalizing") {
        draft.cancelTimer("finalize")
        draft.set({ since: undefined })
        if (user.still) speaking(draft, user.untilSample)
        else draft.set({ user: { _tag: "Quiet" } })
      }
      return draft.ask({ _tag: "Remote", reply: event.reply }, marks)
    }
    case "ReplyProgress":
      return onProgress(draft, event)
    case "ReplyAudible":
      return onAudible(draft, event.epoch)
    case "ReplyText": {
      const reply = draft.reply(event.epoch)
      if (reply !== undefined && agent._tag !== "Ending") {
        draft.said(reply, event.text)
        draft.emit({ type: "agent.transcript", turn: reply.turn, text: event.text })
      }
      return
    }
    case "ReplyPlayed":
      return draft.reply(event.epoch) !== undefined && agent._tag !== "Ending"
        ? draft.end("completed", { _tag: "Nothing" })
        : undefined
    case "ReplyFailed":
      return onFailed(draft, event.epoch, event.error)
    case "ReplyHeard":
      return onHeard(draft, event.epoch, event.text)
    case "EngineDown":
      emitError(draft, event.error)
      return draft.state.down.includes(event.engine)
        ? undefined
        : draft.set({ down: [...draft.state.down, event.engine] })
    case "EngineUp":
      return draft.set({ down: draft.state.down.filter((engine) => engine !== event.engine) })
    case "InputEnded":
      return onInputEnded(draft, event.atSample)
    case "Drain":
      if (lifecycle._tag === "New") return draft.close(event.reason)
      return lifecycle._tag === "Open"
        ? draft.set({ lifecycle: { _tag: "Draining", reason: event.reason, goodbye: true } })
        : undefined
    case "Close":
      return agent._tag === "Silent"
        ? draft.close(event.reason)
        : draft.end("interrupted", { _tag: "Close", reason: event.reason })
  }
}

/**
 * Takes one event: the next state, and the commands in the order in which they must be carried out. A closed
 * conversation takes no more.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = (
  options: ConversationOptions,
  state: State,
  event: Event
): { readonly state: State; readonly commands: ReadonlyArray<Command> } => {
  if (state.lifecycle._tag === "Closed") return { state, commands: [] }
  const draft = new Step(options, state, event.atMs)
  apply(draft, event)
  settle(draft)
  return { state: draft.state, commands: draft.commands }
}
