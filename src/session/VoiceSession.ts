/**
 * One conversation with one user.
 *
 * A session lives in its backend from `createSession` to its end. Attachments (media links) come and go, and the newest
 * replaces the former; the conversation and its history stay.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Agent } from "../agent/Agent.ts"
import type { BackendError } from "../BackendError.ts"
import type { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import type { HistoryItem } from "../conversation/History.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import type { CallOperations } from "./call/CallOperations.ts"
import type { Observable } from "./Observable.ts"
import type { Metadata, SessionConfig } from "./SessionConfig.ts"
import type { SessionControl } from "./SessionControl.ts"
import type { SessionEnd, SessionEvent, SessionState } from "./SessionEvent.ts"
import type { UserConnection } from "./UserConnection.ts"

/**
 * `active`: the session is stored, and restored after a restart; `completed`: it has ended and is no longer stored.
 *
 * @category models
 * @since 0.1.0
 */
export type PersistenceStatus = "active" | "completed"

/**
 * The output of `pipeline`: the agent's audio (PCM bytes, 24 kHz by default) and the session's events, in order.
 *
 * @category models
 * @since 0.1.0
 */
export type PipelineOutput =
  | { readonly _tag: "Audio"; readonly turn: number; readonly pcm: Uint8Array }
  | { readonly _tag: "Event"; readonly event: SessionEvent }

/**
 * @category models
 * @since 0.1.0
 */
export interface PipelineOptions {
  /** The rate of the input PCM, in Hz. Default: 16,000. */
  readonly inputSampleRate?: number | undefined
  /** The rate of the output PCM, in Hz. Default: 24,000. */
  readonly outputSampleRate?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SayOptions {
  /** Whether the user may interrupt it. Default: true. */
  readonly interruptible?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface InterruptOptions {
  /** Whether to stop also what may not be interrupted. Default: false. */
  readonly force?: boolean | undefined
}

/**
 * A session. Operations on one that has ended fail `session_not_found`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceSession extends CallOperations {
  readonly id: string
  readonly config: SessionConfig
  /** Starts the conversation. The first attachment does it too; idempotent. */
  readonly start: Effect.Effect<void, BackendError>
  /** Drains this session: it finishes the turn in flight, says goodbye, and ends. Idempotent. */
  readonly stop: Effect.Effect<void, BackendError>
  /**
   * Feeds PCM (16 kHz mono s16le, any length up to 64 KiB) by hand. Fails `invalid_config` while a connection feeds the
   * session.
   */
  readonly processAudio: (audio: Uint8Array) => Effect.Effect<void, BackendError>
  /**
   * Plays PCM (mono s16le, up to 4 MiB): queued and interruptible like `say`. Its rate is the connection's output rate at the
   * time of the call; without a connection 24 kHz. Fails `session_limit_exceeded` while more than 5 min of it would wait.
   */
  readonly sendAudio: (audio: Uint8Array) => Effect.Effect<void, BackendError>
  /** The user's audio from now on, 16 kHz mono s16le. Each reader has a bounded buffer and loses the oldest when slow. */
  readonly receiveAudio: Stream.Stream<Uint8Array>
  /** Sets the agent that answers from the next turn on. */
  readonly setAgent: (agent: Agent) => Effect.Effect<void, BackendError>
  /**
   * Sets the language (BCP 47) of what is heard from the next utterance on, of the voice and of how the agent's text is read
   * from the next sentence on, and of the agent's turns. An engine that does not have the language, or cannot change it, goes
   * on in its own: the result says which, and the log has one line. A malformed tag fails `invalid_config`; the present
   * language changes nothing. It is kept when the session is restored.
   */
  readonly setLanguage: (language: string) => Effect.Effect<LanguageChange, BackendError>
  /** What the user speaks, BCP 47: as set, else as created; undefined where the engines' own holds. */
  readonly language: Effect.Effect<string | undefined>
  /** `detached` where no process has the session: it is stored, and goes on when its user connects. */
  readonly state: Observable<SessionState | "detached">
  readonly persistenceStatus: Effect.Effect<PersistenceStatus>
  readonly metadata: Effect.Effect<Metadata>
  /** Merges a patch (RFC 7396: `null` removes). More than 16 KiB in all fails `invalid_config` and changes nothing. */
  readonly updateMetadata: (patch: Metadata) => Effect.Effect<void, BackendError>
  /** The events from now on, until the end. Each reader has a bounded buffer and loses the oldest when slow. */
  readonly events: Stream.Stream<SessionEvent>
  readonly history: Effect.Effect<ReadonlyArray<HistoryItem>>
  /** Speaks a text once neither the agent nor the user is speaking; at most 16 wait. */
  readonly say: (text: string, options?: SayOptions) => Effect.Effect<void, BackendError>
  /** Replaces the policy of the conversation from now on. */
  readonly updatePolicy: (policy: ConversationPolicy) => Effect.Effect<void, BackendError>
  /**
   * Answers a turn that the user typed. Interrupts the agent, unless the user may not interrupt what it says. More than 16,384
   * characters (UTF-16 code units) fail `invalid_config`.
   */
  readonly sendText: (text: string) => Effect.Effect<void, BackendError>
  /**
   * Stops the agent's reply, whatever the policy says about interruptions by the user. While the agent says what may not be
   * interrupted (`say` with `interruptible: false`), it fails `invalid_config` (`details.reason: "uninterruptible"`) and
   * changes nothing, unless `force` is true. A client's `agent.interrupt` is never forced, and follows the policy.
   */
  readonly interrupt: (options?: InterruptOptions) => Effect.Effect<void, BackendError>
  /**
   * What a client may ask of the conversation beside speaking, as one of another protocol does: to end a turn (push to talk), to
   * answer, to change the history. Fails `invalid_config` where it is refused, with `details.reason`, and has changed nothing then.
   */
  readonly control: (control: SessionControl) => Effect.Effect<void, BackendError>
  /** Attaches a connection of the user; a former one is closed as `replaced`, which is not waited for. */
  readonly attach: (connection: UserConnection) => Effect.Effect<void, BackendError>
  /**
   * The whole session as a Stream: PCM in, speech and events out, over an in-memory connection. Ending the input drains
   * it; interrupting the stream interrupts the agent's reply and detaches. The stream ends when another connection replaces
   * it, and fails `connection_failed` when its reader is too slow.
   */
  readonly pipeline: <E, R>(
    input: Stream.Stream<Uint8Array, E, R>,
    options?: PipelineOptions
  ) => Stream.Stream<PipelineOutput, BackendError | E, R>
  /** Completes with the reason when the session has ended. */
  readonly ended: Effect.Effect<SessionEnd>
}
