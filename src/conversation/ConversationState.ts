/**
 * What a conversation is, what can happen to it, and what it can ask for: the types of the machine.
 *
 * Everything is plain data. Times are ms of Unix time and come in as events; positions are samples of the session's
 * audio timeline (16 kHz).
 *
 * @since 0.1.0
 */
import type { BackendError } from "../BackendError.ts"
import type { ConversationEvent, SessionEnd, SessionState, SpeechEnd } from "./ConversationEvent.ts"
import type { ConversationPolicy } from "./ConversationPolicy.ts"
import type { HistoryItem } from "./History.ts"
import type { TurnAuthority } from "./TurnAuthority.ts"
import type { TurnTimestamps } from "./TurnLatency.ts"

/**
 * What a conversation is made with.
 *
 * - `textual`: a turn needs words; a speech-to-speech model answers audio whose words nobody knows.
 * - `interims`: the recogniser tells words while the user speaks.
 * - `busy`: there is too much to do to ask for answers ahead of the turn's end.
 * - `detector`: somebody can be asked (`Judge`) whether a transcript sounds finished.
 * - `isBackchannel`: whether a transcript only shows that the user listens.
 * - `finalizeTimeoutMs`: how long the final transcript may take before the turn goes on with what there is.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConversationOptions {
  readonly policy: ConversationPolicy
  readonly turnAuthority: TurnAuthority
  readonly textual: boolean
  readonly interims: boolean
  readonly busy?: boolean | undefined
  readonly detector: boolean
  readonly isBackchannel: (transcript: string) => boolean
  readonly latencyTargetMs: number
  readonly finalizeTimeoutMs: number
}

/**
 * What the user is doing.
 *
 * - `Speaking`: since `sinceSample`.
 * - `Paused`: silent since `atSample`, perhaps finished: the `endpoint` timer decides. `extended`: it sounded unfinished,
 *   and has been given more time. Without a sample: words are told, and no sound was (`turnAuthority: "stt"` only).
 * - `Noise`: makes a sound, since `sinceSample`, that is no speech; nobody waits for its end.
 * - `Finalizing`: the turn is over at `untilSample`; its final transcript is awaited, or the answer of a model that
 *   decides turns, or the detector's judgement. `still`: it was cut for its length, and the user has not stopped.
 * - `Waiting`: the turn is complete, and the agent may not be interrupted.
 *
 * @category models
 * @since 0.1.0
 */
export type User =
  | { readonly _tag: "Quiet" }
  | { readonly _tag: "Speaking"; readonly sinceSample: number }
  | { readonly _tag: "Paused"; readonly atSample: number | undefined; readonly extended: boolean }
  | {
    readonly _tag: "Finalizing"
    readonly id: number
    readonly untilSample: number
    readonly still: boolean
    readonly extended: boolean
    readonly awaits: "words" | "judgement"
  }
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Noise"; readonly sinceSample: number }

/**
 * What a reply says: the agent's answer to a transcript, given text, given audio (by the shell's key), or what a
 * speech-to-speech model has begun to say. An `optional` text (a greeting) is dropped when the user speaks first.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplySource =
  | {
    readonly _tag: "Answer"
    readonly transcript: string
    readonly kind: "speech" | "text"
    /** The question stands in the history already: nobody had begun to answer it when the process ended. */
    readonly again?: boolean | undefined
  }
  | {
    readonly _tag: "Text"
    readonly text: string
    readonly optional: boolean
    /** Nobody may talk over it. */
    readonly uninterruptible?: boolean | undefined
    /** The rest of what was cut off when a process ended: optional, and yet not to be lost with the next one. */
    readonly again?: boolean | undefined
  }
  | { readonly _tag: "Audio"; readonly key: number }
  | { readonly _tag: "Remote"; readonly reply: string }

/**
 * A reply: one at a time, told apart by its epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  readonly epoch: number
  readonly turn: number
  readonly source: ReplySource
  /** When its first frame left. */
  readonly audibleAt: number | undefined
  /** The texts of it that have begun to be heard. */
  readonly said: string
  readonly marks: TurnTimestamps | undefined
}

/**
 * An answer in the making to what may turn out to be the whole turn. Nothing of it can be observed before that. One that
 * has `failed` is over, and kept so that it is not tried again for the same words.
 *
 * @category models
 * @since 0.1.0
 */
export interface Speculation {
  readonly epoch: number
  readonly transcript: string
  readonly marks: Partial<TurnTimestamps>
  readonly failed: boolean
}

/**
 * Final words that did not come in time: of the turn that was finalized as `id`, which went on with `words`. They made the
 * question `asked`, or none. `late`: what has come since.
 *
 * @category models
 * @since 0.1.0
 */
export interface AwaitedTranscript {
  readonly id: number
  readonly words: string
  readonly asked: string | undefined
  readonly late: string
}

/**
 * What to do when an ended reply has told what was heard of it.
 *
 * @category models
 * @since 0.1.0
 */
export type Next =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Start"; readonly source: ReplySource; readonly marks: TurnTimestamps | undefined }
  | { readonly _tag: "Close"; readonly reason: SessionEnd }

/**
 * What the agent is doing.
 *
 * - `Active`: a reply is being thought of, or heard.
 * - `Held`: it is silent because the user makes a sound; the `confirm` timer, or the user's words, decide what comes of
 *   it. `sinceMs`: since when. `patient`: it has been long enough, and words are awaited.
 * - `Ending`: it has been ended for good, and what was heard of it is awaited.
 *
 * @category models
 * @since 0.1.0
 */
export type Agent =
  | { readonly _tag: "Silent" }
  | { readonly _tag: "Active"; readonly reply: Reply }
  | { readonly _tag: "Held"; readonly reply: Reply; readonly sinceMs: number; readonly patient: boolean }
  | { readonly _tag: "Ending"; readonly reply: Reply; readonly reason: SpeechEnd; readonly next: Next }

/**
 * The timers of a conversation; each runs at most once at a time.
 *
 * @category models
 * @since 0.1.0
 */
export type TimerName = "endpoint" | "confirm" | "longest" | "finalize" | "noise" | "away"

/**
 * - `draining`: nothing new is begun; when what is in flight is over, the goodbye is spoken and the session closes.
 *
 * @category models
 * @since 0.1.0
 */
export type Lifecycle =
  | { readonly _tag: "New" }
  | { readonly _tag: "Open" }
  | { readonly _tag: "Draining"; readonly reason: SessionEnd; readonly goodbye: boolean }
  | { readonly _tag: "Closed"; readonly reason: SessionEnd }

/**
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly lifecycle: Lifecycle
  readonly user: User
  readonly agent: Agent
  /** The words of the open turn so far. */
  readonly heard: { readonly finals: string; readonly interim: string }
  readonly speculation: Speculation | undefined
  /** How finished a transcript sounded to the detector; without a probability while it is asked. */
  readonly judged:
    | { readonly id: number; readonly transcript: string; readonly probability: number | undefined }
    | undefined
  /** What the agent has said when it finished while the user was making a sound. */
  readonly over: string
  /** The user's own pauses within turns, in ms: a moving average. */
  readonly pauseMs: number | undefined
  /** The user has been told to be away. */
  readonly away: boolean
  /** When the open turn began; its sample when it is not long ago. The longest turn counts from here. */
  readonly since: { readonly sample: number | undefined; readonly ms: number } | undefined
  /** Final words that are owed by the recogniser, in the order in which they will come. */
  readonly owed: ReadonlyArray<AwaitedTranscript>
  /** What the agent will say when it may: first its answers to what came while nobody might talk over it. */
  readonly queue: ReadonlyArray<ReplySource>
  readonly history: ReadonlyArray<HistoryItem>
  /** The last turn's number. */
  readonly turn: number
  readonly epoch: number
  readonly finalizeId: number
  /** The id of each running timer; an event with another id is stale. */
  readonly timers: { readonly [Name in TimerName]?: number }
  readonly timerId: number
  /** The moments of the open turn. */
  readonly marks: TurnTimestamps | undefined
  /** The turn of a model's last reply, while the user's words that it answers have not come. */
  readonly untold: number | undefined
  /** Engines that are needed and down. */
  readonly down: ReadonlyArray<string>
  /** The public state last told. */
  readonly told: SessionState
}

/**
 * What can happen. `atMs` is when.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  & { readonly atMs: number }
  & (
    | { readonly _tag: "Started" }
    | { readonly _tag: "SpeechStarted"; readonly atSample: number; readonly decidedAtSample: number }
    | { readonly _tag: "SpeechStopped"; readonly atSample: number; readonly decidedAtSample: number }
    | { readonly _tag: "Interim"; readonly text: string }
    | { readonly _tag: "Final"; readonly text: string }
    | { readonly _tag: "Finalized"; readonly id: number }
    | { readonly _tag: "EndOfTurn" }
    | { readonly _tag: "Judged"; readonly id: number; readonly probability: number }
    | { readonly _tag: "TimerFired"; readonly name: TimerName; readonly id: number; readonly atSample: number }
    | { readonly _tag: "UserText"; readonly text: string }
    | { readonly _tag: "Say"; readonly source: ReplySource }
    | { readonly _tag: "Interrupt" }
    | { readonly _tag: "RemoteReply"; readonly reply: string }
    | { readonly _tag: "ReplyProgress"; readonly epoch: number; readonly stage: "agent" | "clause" | "tts" }
    | { readonly _tag: "ReplyAudible"; readonly epoch: number }
    | { readonly _tag: "ReplyText"; readonly epoch: number; readonly text: string }
    | { readonly _tag: "ReplyPlayed"; readonly epoch: number }
    | { readonly _tag: "ReplyFailed"; readonly epoch: number; readonly error: BackendError }
    | { readonly _tag: "ReplyHeard"; readonly epoch: number; readonly text: string }
    | { readonly _tag: "EngineDown"; readonly engine: string; readonly error: BackendError }
    | { readonly _tag: "EngineUp"; readonly engine: string }
    | { readonly _tag: "InputEnded"; readonly atSample: number }
    | { readonly _tag: "Drain"; readonly reason: SessionEnd }
    | { readonly _tag: "Close"; readonly reason: SessionEnd }
  )

/**
 * What the machine asks its shell for. `Hold`, `Release` and `End` act before the shell's dispatch returns; `End` is
 * answered by `ReplyHeard` before anything else happens.
 *
 * - `SetTimer`: fires when the audio has reached `atSample`, or after `afterMs` should the audio not come (or at once by
 *   time alone when `atSample` is undefined). Setting a timer replaces the one of that name.
 * - `Finalize`: ask the recogniser for everything up to the sample.
 * - `Judge`: ask the detector whether the transcript sounds finished; answered by `Judged`.
 * - `Start`: begin a reply; a `speculative` one makes no sound before its `Commit`, and is dropped by `Discard`.
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
  | { readonly _tag: "Judge"; readonly id: number; readonly transcript: string; readonly agentSaid: string }
  | { readonly _tag: "Hold"; readonly epoch: number }
  | { readonly _tag: "Release"; readonly epoch: number }
  | { readonly _tag: "End"; readonly epoch: number; readonly reason: SpeechEnd }
  | { readonly _tag: "Emit"; readonly event: ConversationEvent }
  | { readonly _tag: "Append"; readonly item: HistoryItem }
  | { readonly _tag: "Withdraw"; readonly turn: number }
  | { readonly _tag: "Close"; readonly reason: SessionEnd }

/**
 * The conversation before its start; one that goes on has a history, its last turn, and what the agent is to say first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial = (
  history: ReadonlyArray<HistoryItem> = [],
  queue: ReadonlyArray<ReplySource> = [],
  lastTurn = 0
): State => ({
  lifecycle: { _tag: "New" },
  user: { _tag: "Quiet" },
  agent: { _tag: "Silent" },
  heard: { finals: "", interim: "" },
  queue,
  history,
  turn: history.reduce((turn, item) => Math.max(turn, item.turn), lastTurn),
  epoch: 0,
  finalizeId: 0,
  timers: {},
  timerId: 0,
  marks: undefined,
  untold: undefined,
  speculation: undefined,
  judged: undefined,
  over: "",
  pauseMs: undefined,
  since: undefined,
  owed: [],
  away: false,
  down: [],
  told: "idle"
})

/**
 * The public state of a conversation.
 *
 * @category accessors
 * @since 0.1.0
 */
export const publicState = (state: State): SessionState => {
  if (state.lifecycle._tag === "Closed") return "closed"
  if (state.lifecycle._tag === "New") return "idle"
  if (state.down.length > 0) return "error"
  switch (state.agent._tag) {
    case "Active":
    case "Ending":
      return state.agent.reply.audibleAt === undefined ? "processing" : "speaking"
    case "Held":
      return "listening"
    case "Silent":
      return state.user._tag === "Finalizing" || state.user._tag === "Waiting" ? "processing" : "listening"
  }
}
