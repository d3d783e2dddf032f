/**
 * The part of a session that differs between `stt_tts` and `s2s`: recognition, the agent or model, and the voice.
 *
 * The conversation, its history, its playout and its events are the same for both.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Agent, AgentClient, AgentSession } from "../../agent/Agent.ts"
import type { CallContext } from "../../agent/CallContext.ts"
import type { BackendError, InvalidConfig } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ConversationPolicy } from "../../conversation/ConversationPolicy.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import type { TurnAuthority } from "../../conversation/TurnAuthority.ts"
import type { OnIncident } from "../../EngineIncident.ts"
import type { EngineLanguage } from "../../LanguageChange.ts"
import type { SessionSpeech } from "../../speech/SessionSpeech.ts"
import type { TextSettings } from "../../speech/TextSettings.ts"
import type { AudioInput } from "../input/AudioInput.ts"
import type { ReplyAudio } from "../playout/ReplyAudio.ts"
import type { CallTurn } from "../SessionCall.ts"
import type { SessionEventBody } from "../SessionEvent.ts"
import type { ReplyTrace } from "../tracing/ReplyTrace.ts"

/**
 * The languages of a session now, BCP 47; \`undefined\` where it is not known.
 *
 * - \`ofVoice\`: what the session asks its voice for; \`ofUser\`: what it asks its recogniser for.
 * - \`changed\`: the language that was set since the session was created.
 * - \`heard\`: what the recogniser says that the user spoke last; \`hear\` takes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionLanguages {
  readonly ofVoice: () => string | undefined
  readonly ofUser: () => string | undefined
  readonly changed: () => string | undefined
  readonly heard: () => string | undefined
  readonly hear: (language: string) => void
}

/**
 * What a session gives its pipeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface PipelineContext {
  readonly sessionId: string
  /** The language, voice and key terms that the session was created with. */
  readonly speech: SessionSpeech
  /** How text is prepared for the voice, now: the language may change. */
  readonly textSettings: () => TextSettings
  readonly languages: SessionLanguages
  /** The call in a turn, for the agent and its tools. */
  readonly call: (turn: CallTurn) => CallContext
  readonly agent: () => Agent
  /** The session as its agents see it. */
  readonly session: AgentSession
  /** The conversation so far, of a restored session. */
  readonly history: ReadonlyArray<HistoryItem>
  /** Gives an input to the conversation. Synchronous. */
  readonly dispatch: (event: ConversationInput) => void
  /** Emits a session event that the conversation does not produce, such as a tool's. Nothing once the session has ended. */
  readonly emit: (event: SessionEventBody) => void
  /** Reports a failure or recovery of an engine while the session goes on; given to each engine at `open`. */
  readonly onIncident: OnIncident
  /** Reports a sentence that a reply is going to say, so that it can be stored. Synchronous. */
  readonly planned: (epoch: number, sentence: string) => void
  /** The rate of the user's audio as it comes, in Hz, where that is known before it does. Default: unknown. */
  readonly inputSampleRate?: number | undefined
  /** The user's audio: where listeners are added, and its position. */
  readonly input: Pick<AudioInput, "add" | "remove" | "position">
  readonly replyAudio: ReplyAudio
  /** Whether what the agent says is sent as text alone, now. Default: it is spoken. */
  readonly output?: (() => ConversationPolicy["output"]) | undefined
  /** Whether the process is too loaded for optional work, such as interim transcripts. */
  readonly busy: () => boolean
  /** Bounds each open, each first result and each stall. */
  readonly timeout: Duration.Duration
  readonly maxRetries: number
  readonly retryDelay: Duration.Duration
}

/**
 * A reply that the conversation starts.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplyRequest {
  readonly epoch: number
  readonly turn: number
  readonly source: ReplySource
  readonly history: ReadonlyArray<HistoryItem>
  /** Completes when the reply becomes the answer of its turn; a preemptive one may be discarded before. */
  readonly committed: Effect.Effect<void>
  /** Its spans, while tracing is on. */
  readonly trace?: ReplyTrace | undefined
}

/**
 * What the turn detector is asked.
 *
 * - `transcript`: the words of the turn so far.
 * - `agentSaid`: what the agent said last.
 * - `pausedAt`: where the user fell silent, which tells one pause from another.
 * - `sinceSample`: where the turn began; undefined when that is long past.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOfTurnQuestion {
  readonly transcript: string
  readonly agentSaid: string
  readonly pausedAt: number | undefined
  readonly sinceSample: number | undefined
}

/**
 * How likely it is, 0 to 1, that the turn is over. `heard`: the audio says so, and not the words alone.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndOfTurnPrediction {
  readonly probability: number
  readonly heard: boolean
}

/**
 * A session's pipeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline {
  readonly turnAuthority: TurnAuthority
  /** Whether a turn needs words. A speech-to-speech model may answer audio whose words are unknown. */
  readonly transcriptBased: boolean
  /** Whether the session may end the user's turns: `finalize` gives the words of any. Default: no. */
  readonly endsTurns?: boolean | undefined
  /** Whether what the agent says can be sent as text alone. Default: no. */
  readonly writesText?: boolean | undefined
  /** Whether there are interim transcripts. */
  readonly interimTranscripts: boolean
  /** Asks the turn detector; it may have no opinion. `undefined` without a turn detector. */
  readonly predictEndOfTurn:
    | ((question: EndOfTurnQuestion) => Effect.Effect<EndOfTurnPrediction | undefined, BackendError>)
    | undefined
  /** Whether the turn detector hears the audio: then it is asked at each pause, before the words are there. */
  readonly hearsTurns?: boolean | undefined
  /** The name of the turn detector, if there is one. */
  readonly turnDetector?: string | undefined
  /** Asks for the final transcript up to a sample; answered by `Finalized`. */
  readonly finalize: (id: number, untilSample: number) => void
  /** The answer to a `finalize` is not waited for any more. */
  readonly abandon?: ((id: number) => void) | undefined
  /** The engines that hear and speak, and which of them would follow a change to this language. */
  readonly enginesIn: (language: string) => ReadonlyArray<EngineLanguage>
  /** Has the recogniser or the model follow a change of the language; a voice reads \`languages\` before each sentence. */
  readonly setLanguage: (language: string) => void
  /**
   * Tells a model what the user's client tells the agent now. Returns whether it takes it. Default: the agent is told, and nothing else
   * needs to know.
   */
  readonly setClient?: ((client: AgentClient) => boolean) | undefined
  /** Speaks a reply. Completes when all its speech has been given to playout; interrupted when the reply is ended. */
  readonly reply: (request: ReplyRequest) => Effect.Effect<void, BackendError>
  /** Called when a reply has ended: completed, or cut after `playedMs`. */
  readonly ended: (epoch: number, played: { readonly completed: boolean; readonly playedMs: number }) => void
}

/**
 * Makes the pipelines of a backend's sessions.
 *
 * - `checkSpeech`: gives the error for a session whose language, voice or key terms the engines do not support. It is asked
 *   before anything of the session is opened.
 * - `open`: opens a session's pipeline in the session's scope.
 *
 * @category models
 * @since 0.1.0
 */
export interface PipelineFactory {
  readonly checkSpeech: (speech: SessionSpeech) => InvalidConfig | undefined
  readonly open: (context: PipelineContext) => Effect.Effect<Pipeline, BackendError, Scope.Scope>
}
