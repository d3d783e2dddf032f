/**
 * The state of a conversation.
 *
 * Everything is plain data. Times are ms of Unix time, and positions are samples of the session's audio timeline (16 kHz).
 *
 * @since 0.1.0
 */
import type { SessionEnd, SessionState, SpeechEnd } from "./ConversationEvent.ts"
import type { HistoryItem } from "./History.ts"
import type { TurnTimestamps } from "./TurnLatency.ts"

/**
 * What the user is doing.
 *
 * - `Speaking`: speaking since `sinceSample`.
 * - `Paused`: silent since `atSample`, perhaps finished: the `endpoint` timer decides. `extended`: the turn sounded
 *   unfinished, and was given more time. `atSample` is undefined when the recogniser sent a transcript for which no voice
 *   activity was detected (`turnAuthority: "stt"` only).
 * - `Finalizing`: the turn is over at `untilSample`. It waits for the final transcript, for the reply of a model that
 *   decides turns, or for the turn detector. `userStillSpeaking`: the turn reached `longestTurn`, or was ended, while the user
 *   spoke. `ended`: by `EndTurn`, so nothing that is heard gives it more time.
 * - `Waiting`: the turn is complete, and the agent may not be interrupted. `owed`: the `Finalize` command whose final
 *   transcript has not come in time, and may still come.
 * - `Noise`: sound since `sinceSample` that turned out not to be speech.
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
    readonly userStillSpeaking: boolean
    readonly extended: boolean
    readonly awaits: "transcript" | "prediction"
    readonly ended?: boolean | undefined
  }
  | { readonly _tag: "Waiting"; readonly owed?: number | undefined }
  | { readonly _tag: "Noise"; readonly sinceSample: number }

/**
 * Where a reply comes from.
 *
 * - `Answer`: the agent answers a transcript. `resumed`: the question is already in the history, from before the process
 *   restarted, or because the answer was requested (`asked`). An `asked` one without a transcript answers the conversation as it
 *   is. `instructions`: for this answer alone.
 * - `Text`: given text. An `optional` one (a greeting) is dropped when the user speaks first; an `uninterruptible` one is
 *   always played to its end. `resumed`: the rest of a reply that the restart of the process cut off; it is optional, but
 *   is stored again in the next snapshot.
 * - `Audio`: given audio, by the session's key; an `uninterruptible` one is always played to its end.
 * - `ModelInitiated`: a reply that a speech-to-speech model has begun by itself, by the model's id.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplySource =
  | {
    readonly _tag: "Answer"
    readonly transcript: string
    readonly kind: "speech" | "text"
    readonly resumed?: boolean | undefined
    readonly asked?: boolean | undefined
    readonly instructions?: string | undefined
  }
  | {
    readonly _tag: "Text"
    readonly text: string
    readonly optional: boolean
    readonly uninterruptible?: boolean | undefined
    readonly resumed?: boolean | undefined
  }
  | { readonly _tag: "Audio"; readonly key: number; readonly uninterruptible?: boolean | undefined }
  | { readonly _tag: "ModelInitiated"; readonly reply: string }

/**
 * A reply. There is at most one at a time, identified by its epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  readonly epoch: number
  readonly turn: number
  readonly source: ReplySource
  /** When its first frame was sent to the user. */
  readonly audibleAt: number | undefined
  /** The texts whose audio has begun to play. */
  readonly spokenText: string
  /** Whether the agent has written anything but white space, be it speakable or not. */
  readonly hasText: boolean
  /** Whether it has failed: what was made of it is played to its end, and nothing more comes. */
  readonly failed: boolean
  readonly timestamps: TurnTimestamps | undefined
}

/**
 * A preemptive reply: the agent's answer to a transcript that may turn out to be the whole turn. It is silent and
 * invisible until it is committed. One that `failed` is kept only so that the same transcript is not tried again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Speculation {
  readonly epoch: number
  readonly transcript: string
  readonly timestamps: Partial<TurnTimestamps>
  readonly failed: boolean
}

/**
 * A final transcript that missed `finalizeTimeoutMs`.
 *
 * - `id`: the `Finalize` command that asked for it.
 * - `usedText`: the text with which the turn was completed instead.
 * - `question`: what the agent was asked with that text; undefined if it was not asked.
 * - `lateText`: the final transcript that has arrived since.
 * - `droppedUntilMs`: the turn was dropped: its transcript is not used. One that has not come until then is not waited for.
 *
 * @category models
 * @since 0.1.0
 */
export interface AwaitedTranscript {
  readonly id: number
  readonly usedText: string
  readonly question: string | undefined
  readonly lateText: string
  readonly droppedUntilMs?: number | undefined
}

/**
 * What to do once a reply has ended and its played text is known.
 *
 * @category models
 * @since 0.1.0
 */
export type NextAction =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Start"; readonly source: ReplySource; readonly timestamps: TurnTimestamps | undefined }
  | { readonly _tag: "Close"; readonly reason: SessionEnd }

/**
 * What the agent is doing.
 *
 * - `Active`: a reply is being generated or played.
 * - `Held`: the reply is paused since `sinceMs` because the user makes a sound; the `confirm` timer or the user's words
 *   decide whether it is an interruption. `awaitsTranscript`: the sound is long enough, and only its words are missing.
 * - `Ending`: the reply was ended for good, and its played text is awaited.
 *
 * @category models
 * @since 0.1.0
 */
export type Agent =
  | { readonly _tag: "Silent" }
  | { readonly _tag: "Active"; readonly reply: Reply }
  | { readonly _tag: "Held"; readonly reply: Reply; readonly sinceMs: number; readonly awaitsTranscript: boolean }
  | { readonly _tag: "Ending"; readonly reply: Reply; readonly reason: SpeechEnd; readonly next: NextAction }

/**
 * The timers of a conversation; each runs at most once at a time.
 *
 * - `endpoint`: the user's silence is long enough for the end of the turn.
 * - `confirm`: the user's sound is long enough for an interruption, or its transcript takes too long.
 * - `longest`: the turn has reached `longestTurn`.
 * - `finalize`: the final transcript, or the turn detector's answer, takes too long.
 * - `noise`: sound without a transcript has reached `longestNoise`.
 * - `away`: the user has been silent for `away.after`, or for `away.closeAfter` more.
 *
 * @category models
 * @since 0.1.0
 */
export type TimerName = "endpoint" | "confirm" | "longest" | "finalize" | "noise" | "away"

/**
 * - `Draining`: no new turn begins; when the turn in flight is over, the goodbye is spoken and the session closes.
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
  /** The transcript of the open turn so far. */
  readonly openTranscript: { readonly finals: string; readonly interim: string }
  /**
   * The last final transcript, which a recogniser may send again; "" once the user has spoken since, or, where words without
   * a detected sound are a turn (`turnAuthority: "stt"`), a reply has become audible.
   */
  readonly lastFinal: string
  readonly speculation: Speculation | undefined
  /** The turn detector's last prediction; without a probability while its answer is awaited. */
  readonly endOfTurnPrediction:
    | {
      readonly id: number
      readonly transcript: string
      /** Where the user paused, for a detector that hears the audio. */
      readonly pausedAt: number | undefined
      readonly probability: number | undefined
      /** Whether the audio was judged, and not the words alone. */
      readonly heard: boolean
    }
    | undefined
  /** The text of a reply that was played to its end while the user was making a sound; compared with an echo. */
  readonly finishedReplyText: string
  /** The user's own pauses within turns, in ms: a moving average. */
  readonly pauseMs: number | undefined
  /** `user.away` was emitted, and the user has not spoken since. */
  readonly userAway: boolean
  /** When the open turn began; `longestTurn` counts from here. The sample is undefined when it is long past. */
  readonly turnStart: { readonly sample: number | undefined; readonly ms: number } | undefined
  /** How much the user has spoken in the open turn, in ms, without the sound in progress; undefined when none was detected. */
  readonly speechMs: number | undefined
  /** How long the voice activity detector waits before it reports the end of a sound, in ms, as far as it has shown. */
  readonly detectorLagMs: number
  /** The open turn, or its last sound, began at the end of a question of the agent: it is the answer. */
  readonly answersQuestion: boolean
  /** Final transcripts that are overdue, in the order in which the recogniser will send them. */
  readonly awaitedTranscripts: ReadonlyArray<AwaitedTranscript>
  /** What the agent will say next: answers to what came during an uninterruptible reply come first. */
  readonly queue: ReadonlyArray<ReplySource>
  readonly history: ReadonlyArray<HistoryItem>
  /** The number of the last turn. */
  readonly turn: number
  readonly epoch: number
  readonly finalizeId: number
  /** The id of each running timer; `TimerFired` with another id is ignored. */
  readonly timers: { readonly [Name in TimerName]?: number }
  readonly timerId: number
  /** The timestamps of the open turn. */
  readonly timestamps: TurnTimestamps | undefined
  /** An answer that was requested and has not begun. */
  readonly request: { readonly instructions: string | undefined } | undefined
  /** A model that answers sound has not been asked about the last turn, which is answered on request. */
  readonly unasked: boolean
  /** The turn of a model's last reply, until the transcript of what the user said in it has come. */
  readonly unreportedTurn: number | undefined
  /** Engines that the session needs and that are unavailable. */
  readonly unavailableEngines: ReadonlyArray<string>
  /** The last `session.state` that was emitted. */
  readonly publishedState: SessionState
}

/**
 * Makes the state before the conversation starts. A resumed conversation has a history, the number of its last turn, and a
 * queue of what the agent says first.
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
  openTranscript: { finals: "", interim: "" },
  lastFinal: "",
  queue,
  history,
  turn: history.reduce((turn, item) => item.id === undefined ? Math.max(turn, item.turn) : turn, lastTurn),
  epoch: 0,
  finalizeId: 0,
  timers: {},
  timerId: 0,
  timestamps: undefined,
  request: undefined,
  unasked: false,
  unreportedTurn: undefined,
  speculation: undefined,
  endOfTurnPrediction: undefined,
  finishedReplyText: "",
  pauseMs: undefined,
  turnStart: undefined,
  speechMs: undefined,
  detectorLagMs: 0,
  answersQuestion: false,
  awaitedTranscripts: [],
  userAway: false,
  unavailableEngines: [],
  publishedState: "idle"
})

/**
 * Whether a reply cannot be interrupted.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isUninterruptible = (source: ReplySource): boolean =>
  (source._tag === "Text" || source._tag === "Audio") && source.uninterruptible === true

/**
 * Whether the agent says something now that cannot be interrupted.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isReplyUninterruptible = ({ agent }: State): boolean =>
  agent._tag !== "Silent" && isUninterruptible(agent.reply.source)

/**
 * Returns the public state of a conversation (`session.state`).
 *
 * @category accessors
 * @since 0.1.0
 */
export const publicState = (state: State): SessionState => {
  if (state.lifecycle._tag === "Closed") return "closed"
  if (state.lifecycle._tag === "New") return "idle"
  if (state.unavailableEngines.length > 0) return "error"
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
