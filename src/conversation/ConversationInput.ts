/**
 * The inputs of the conversation's state machine.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../BackendError.ts"
import type { SessionEnd } from "./ConversationEvent.ts"
import type { ReplySource, TimerName } from "./ConversationState.ts"
import type { ItemReference } from "./History.ts"

/**
 * One input, without its time. Positions are samples of the session's audio timeline (16 kHz).
 *
 * - `Started`: a user has attached for the first time.
 * - `SpeechStarted`, `SpeechStopped`: voice activity, at the sample `atSample`; the detector was sure at `decidedAtSample`.
 * - `Interim`, `Final`: an interim or a final transcript.
 * - `Finalized`: the recogniser has sent every transcript up to the `Finalize` command with this id.
 * - `EndOfTurn`: the recogniser's own end-of-turn event (`turnAuthority: "stt"`).
 * - `EndOfTurnPredicted`: the turn detector's answer to the `PredictEndOfTurn` with this id, a probability from 0 to 1.
 *   `heard`: by the audio, and not by the words alone.
 * - `UserText`: a typed turn; or a `spoken` one that was collected (`ConversationOptions.collecting`), and is the agent's after all.
 * - `EndTurn`: the user's turn is over, at this sample.
 * - `DropTurn`: what was said in the open turn, up to this sample, is forgotten.
 * - `Respond`: the agent is to answer the conversation as it is; `instructions` hold for this answer.
 * - `Insert`, `Remove`: adds an item to the history, or takes one out.
 * - `Cut`: of what the agent said last in a turn no more was heard than this text.
 * - `PolicyChanged`: the policy is another one from now on.
 * - `Say`: something for the agent to say when it is silent; `instead` of all that waits.
 * - `Interrupt`: the application or the client stops the agent's speech; by `force` also one that may not be interrupted.
 * - `Hold`: the call is put on hold (`ConversationOptions.held`), or taken back.
 * - `ModelReplyStarted`: a speech-to-speech model has begun a reply by itself.
 * - `ModelTurnUnanswered`: a speech-to-speech model that decides turns does not answer what the user said.
 * - `ReplyProgress`: the first output of a stage: the agent's first text, its first clause, its first synthesized audio.
 * - `ReplyAudible`: the reply's first frame was sent to the user.
 * - `ReplyText`: the audio of this text begins to play.
 * - `ReplyPlayed`: the whole reply was played.
 * - `ReplyFailed`: nothing more will be made of the reply than what is being spoken; `ReplyPlayed` follows when that was played.
 * - `ReplyEnded`: the answer to `End`: the text that was played.
 * - `EngineDown`, `EngineUp`: an engine that the session needs is unavailable, or available again.
 * - `InputEnded`: the source of the user's audio has ended, at this sample.
 * - `Drain`: the session is to end when the turn in flight is over.
 * - `Close`: the session is to end now.
 *
 * @category models
 * @since 0.1.0
 */
export type ConversationInput =
  | { readonly _tag: "Started" }
  | { readonly _tag: "SpeechStarted"; readonly atSample: number; readonly decidedAtSample: number }
  | { readonly _tag: "SpeechStopped"; readonly atSample: number; readonly decidedAtSample: number }
  | { readonly _tag: "Interim"; readonly text: string }
  | { readonly _tag: "Final"; readonly text: string }
  | { readonly _tag: "Finalized"; readonly id: number }
  | { readonly _tag: "EndOfTurn" }
  | {
    readonly _tag: "EndOfTurnPredicted"
    readonly id: number
    readonly probability: number
    readonly heard?: boolean | undefined
  }
  | { readonly _tag: "TimerFired"; readonly name: TimerName; readonly id: number; readonly atSample: number }
  | { readonly _tag: "UserText"; readonly text: string; readonly spoken?: boolean | undefined }
  | { readonly _tag: "EndTurn"; readonly atSample: number }
  | { readonly _tag: "DropTurn"; readonly atSample: number }
  | { readonly _tag: "Respond"; readonly instructions?: string | undefined }
  | {
    readonly _tag: "Insert"
    readonly id: string
    readonly role: "user" | "agent"
    readonly text: string
    readonly after?: ItemReference | "start" | undefined
  }
  | { readonly _tag: "Remove"; readonly item: ItemReference }
  | { readonly _tag: "Cut"; readonly turn: number; readonly text: string }
  | { readonly _tag: "PolicyChanged" }
  | { readonly _tag: "Say"; readonly source: ReplySource; readonly instead?: boolean | undefined }
  | { readonly _tag: "Interrupt"; readonly force: boolean }
  | { readonly _tag: "Hold"; readonly on: boolean }
  | { readonly _tag: "ModelReplyStarted"; readonly reply: string }
  | { readonly _tag: "ModelTurnUnanswered"; readonly reason: "empty" | "no_reply" }
  | { readonly _tag: "ReplyProgress"; readonly epoch: number; readonly stage: "agent" | "clause" | "tts" }
  | { readonly _tag: "ReplyAudible"; readonly epoch: number }
  | { readonly _tag: "ReplyText"; readonly epoch: number; readonly text: string }
  | { readonly _tag: "ReplyPlayed"; readonly epoch: number }
  | { readonly _tag: "ReplyFailed"; readonly epoch: number; readonly error: BackendError }
  | { readonly _tag: "ReplyEnded"; readonly epoch: number; readonly text: string }
  | { readonly _tag: "EngineDown"; readonly engine: string; readonly error: BackendError }
  | { readonly _tag: "EngineUp"; readonly engine: string }
  | { readonly _tag: "InputEnded"; readonly atSample: number }
  | { readonly _tag: "Drain"; readonly reason: SessionEnd }
  | { readonly _tag: "Close"; readonly reason: SessionEnd }

/**
 * How much of the present reply the user has still to hear, and its last texts. `mayGoOn`: the speech of its last
 * text is whole, and another text may follow.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplyLeft {
  readonly ms: number
  readonly text: string
  readonly mayGoOn?: boolean | undefined
}

/**
 * An input with its Unix time in ms.
 *
 * `left`: what of the present reply is still to be heard then; undefined when there is none, or while more of it may come.
 *
 * @category models
 * @since 0.1.0
 */
export type TimedInput = ConversationInput & { readonly atMs: number; readonly left?: ReplyLeft | undefined }
