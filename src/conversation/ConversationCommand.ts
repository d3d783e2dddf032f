/**
 * What the conversation's state machine asks the session to do.
 *
 * @since 0.1.0
 */
import type { ConversationEvent, SessionEnd, SpeechEnd } from "./ConversationEvent.ts"
import type { ReplySource, TimerName } from "./ConversationState.ts"
import type { HistoryItem } from "./History.ts"

/**
 * One command. The session carries them out in order. `Hold`, `Release` and `End` take effect before the session's
 * dispatch returns; `End` is answered by `ReplyEnded` before any other input.
 *
 * - `SetTimer`: fires when the audio has reached `atSample`, or after `afterMs` if the audio does not get there. Without
 *   `atSample` it fires after `afterMs`. Setting a timer replaces the one of the same name.
 * - `Finalize`: ask the recogniser for the final transcript of everything up to the sample.
 * - `Abandon`: the answer to this `Finalize` is not waited for; another recogniser need not hear the utterance again.
 * - `PredictEndOfTurn`: ask the turn detector whether the turn sounds finished; answered by `EndOfTurnPredicted`. The user
 *   paused at `pausedAt`, which is only set for a detector that hears the audio; the turn began at `sinceSample`.
 * - `Start`: begin a reply. A `speculative` one is a preemptive reply: it stays silent until `Commit`, and `Discard` drops
 *   it.
 * - `Hold`: pause the reply's playout. `Release` resumes it, `End` ends it for good.
 * - `Append`: add an item to the history. `cut`: its text was too long.
 * - `Withdraw`: remove the user's question of this turn from the history.
 * - `HistoryChanged`: the history was changed otherwise.
 * - `Collected`: the words of a turn that is not the agent's to answer (`ConversationOptions.collecting`).
 * - `Close`: the conversation is over.
 *
 * @category models
 * @since 0.1.0
 */
export type Command =
  | {
    readonly _tag: "SetTimer"
    readonly name: TimerName
    readonly id: number
    readonly atSample: number | undefined
    readonly afterMs: number
  }
  | { readonly _tag: "CancelTimer"; readonly name: TimerName }
  | { readonly _tag: "Finalize"; readonly id: number; readonly untilSample: number }
  | { readonly _tag: "Abandon"; readonly id: number }
  | {
    readonly _tag: "Start"
    readonly epoch: number
    readonly turn: number
    readonly source: ReplySource
    readonly history: ReadonlyArray<HistoryItem>
    readonly speculative: boolean
  }
  | { readonly _tag: "Commit"; readonly epoch: number }
  | { readonly _tag: "Discard"; readonly epoch: number }
  | {
    readonly _tag: "PredictEndOfTurn"
    readonly id: number
    readonly transcript: string
    readonly agentSaid: string
    readonly pausedAt: number | undefined
    readonly sinceSample: number | undefined
  }
  | { readonly _tag: "Hold"; readonly epoch: number }
  | { readonly _tag: "Release"; readonly epoch: number }
  | { readonly _tag: "End"; readonly epoch: number; readonly reason: SpeechEnd }
  | { readonly _tag: "Emit"; readonly event: ConversationEvent }
  | { readonly _tag: "Append"; readonly item: HistoryItem; readonly cut: boolean }
  | { readonly _tag: "Withdraw"; readonly turn: number }
  | { readonly _tag: "HistoryChanged" }
  | { readonly _tag: "Collected"; readonly text: string }
  | { readonly _tag: "Close"; readonly reason: SessionEnd }
