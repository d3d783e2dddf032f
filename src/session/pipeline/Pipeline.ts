/**
 * What hears, thinks and speaks in a session: the part that differs between `stt_tts` and `s2s`.
 *
 * The conversation, its history, its playout and its events are the same over both.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Agent } from "../../agent/Agent.ts"
import type { AgentSession } from "../../agent/Agent.ts"
import type { BackendError } from "../../BackendError.ts"
import type { ConversationInput } from "../../conversation/ConversationInput.ts"
import type { ReplySource } from "../../conversation/ConversationState.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import type { TurnAuthority } from "../../conversation/TurnAuthority.ts"
import type { OnIncident } from "../../EngineIncident.ts"
import type { AudioInput } from "../input/AudioInput.ts"
import type { ReplyAudio } from "../playout/ReplyAudio.ts"
import type { Metadata } from "../SessionConfig.ts"
import type { SessionEventBody } from "../SessionEvent.ts"
import type { ReplyTrace } from "../tracing/ReplyTrace.ts"

/**
 * What a session gives its pipeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface PipelineContext {
  readonly sessionId: string
  readonly userId: string
  readonly metadata: () => Metadata
  readonly agent: () => Agent
  /** The session, as its agents see it. */
  readonly session: AgentSession
  /** The conversation so far, when it is a session that goes on. */
  readonly history: ReadonlyArray<HistoryItem>
  /** Tells the conversation; synchronous. */
  readonly dispatch: (event: ConversationInput) => void
  /** Emits a session event that the conversation does not produce, such as a tool's. Nothing once the session has ended. */
  readonly emit: (event: SessionEventBody) => void
  /** Reports a failure or recovery of an engine while the session goes on. */
  readonly onIncident: OnIncident
  /** Tells a sentence that a reply is going to say; synchronous. */
  readonly planned: (epoch: number, sentence: string) => void
  /** The user's audio: where ears are added, and how far it is. */
  readonly input: Pick<AudioInput, "add" | "remove" | "position">
  readonly replyAudio: ReplyAudio
  /** There is too much to do for what nobody waits for. */
  readonly busy: () => boolean
  /** Bounds each open, each first result and each stall. */
  readonly timeout: Duration.Duration
  readonly maxRetries: number
  readonly retryDelay: Duration.Duration
}

/**
 * A session's pipeline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline {
  readonly turnAuthority: TurnAuthority
  /** A turn needs words. */
  readonly textual: boolean
  /** Words are told while the user speaks. */
  readonly interims: boolean
  /** How likely it is, 0 to 1, that a transcript is a whole turn; when there is a detector. */
  readonly judge: ((transcript: string, agentSaid: string) => Effect.Effect<number, BackendError>) | undefined
  /** Asks for the final words up to a sample; answered by `Finalized`. */
  readonly finalize: (id: number, untilSample: number) => void
  /** Speaks a reply: ends when all its speech has been given to the voice; interrupted when it is ended. */
  readonly reply: (reply: {
    readonly epoch: number
    readonly turn: number
    readonly source: ReplySource
    readonly history: ReadonlyArray<HistoryItem>
    /** Completes when the reply is the one that will be heard. */
    readonly committed: Effect.Effect<void>
    /** Its spans, where somebody takes them. */
    readonly trace?: ReplyTrace | undefined
  }) => Effect.Effect<void, BackendError>
  /** A reply has ended, as a whole or cut, and `playedMs` of it was heard. */
  readonly ended: (epoch: number, played: { readonly completed: boolean; readonly playedMs: number }) => void
}

/**
 * Opens a session's pipeline in the session's scope.
 *
 * @category models
 * @since 0.1.0
 */
export type PipelineFactory = (context: PipelineContext) => Effect.Effect<Pipeline, BackendError, Scope.Scope>
