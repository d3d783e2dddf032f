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
import type { Observable } from "./Observable.ts"
import type { Metadata, SessionConfig } from "./SessionConfig.ts"
import type { SessionEnd, SessionEvent, SessionState } from "./SessionEvent.ts"
import type { UserConnection } from "./UserConnection.ts"

/**
 * `active`: the session is kept and recovered after a restart; `completed`: nothing of it is left.
 *
 * @category models
 * @since 0.1.0
 */
export type PersistenceStatus = "active" | "completed"

/**
 * What comes out of `pipeline`: the agent's audio (PCM bytes, 24 kHz unless asked otherwise) among the events, in order.
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
  /** Of the PCM that goes in, in Hz. Default: 16,000. */
  readonly inputSampleRate?: number | undefined
  /** Of the PCM that comes out, in Hz. Default: 24,000. */
  readonly outputSampleRate?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SayOptions {
  /** Whether the user may talk over it. Default: true. */
  readonly interruptible?: boolean | undefined
}

/**
 * A session. Operations on one that has ended fail `session_not_found`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceSession {
  readonly id: string
  readonly config: SessionConfig
  /** Begins to listen. The server does it at the first attachment; idempotent. */
  readonly start: Effect.Effect<void, BackendError>
  /** Drains this session: the turn in flight is finished, the goodbye is spoken, then it ends. Idempotent. */
  readonly stop: Effect.Effect<void, BackendError>
  /**
   * Feeds PCM (16 kHz mono s16le, any length up to 64 KiB) by hand. Fails `invalid_config` while a connection feeds the
   * session.
   */
  readonly processAudio: (audio: Uint8Array) => Effect.Effect<void, BackendError>
  /** Speaks PCM (mono s16le at the connection's output rate): queued like `say`, and like it interruptible. */
  readonly sendAudio: (audio: Uint8Array) => Effect.Effect<void, BackendError>
  /** The user's audio from now on, 16 kHz mono s16le. Each reader has a bounded buffer and loses the oldest when slow. */
  readonly receiveAudio: Stream.Stream<Uint8Array>
  /** Who answers from the next turn on. */
  readonly setAgent: (agent: Agent) => Effect.Effect<void, BackendError>
  readonly state: Observable<SessionState>
  readonly persistenceStatus: Effect.Effect<PersistenceStatus>
  readonly metadata: Effect.Effect<Metadata>
  /** Merges a patch (RFC 7396: `null` removes). More than 16 KiB in all fails `invalid_config` and changes nothing. */
  readonly updateMetadata: (patch: Metadata) => Effect.Effect<void, BackendError>
  /** What happens from now on, until the end. Each reader has a bounded buffer and loses the oldest when slow. */
  readonly events: Stream.Stream<SessionEvent>
  readonly history: Effect.Effect<ReadonlyArray<HistoryItem>>
  /** Speaks a text when the agent is silent and the user is not speaking; at most 16 wait. */
  readonly say: (text: string, options?: SayOptions) => Effect.Effect<void, BackendError>
  /** How the conversation behaves from now on. */
  readonly updatePolicy: (policy: ConversationPolicy) => Effect.Effect<void, BackendError>
  /** A turn that was typed. Interrupts the agent. */
  readonly sendText: (text: string) => Effect.Effect<void, BackendError>
  /** Stops the agent now. */
  readonly interrupt: Effect.Effect<void, BackendError>
  /** Gives the session a media link; a former one is closed as `replaced`. */
  readonly attach: (connection: UserConnection) => Effect.Effect<void, BackendError>
  /**
   * The whole session as a Stream: PCM in, speech and events out, by an in-memory connection. Ending the input drains
   * it; interrupting the stream aborts the session's reply and detaches.
   */
  readonly pipeline: <E, R>(
    input: Stream.Stream<Uint8Array, E, R>,
    options?: PipelineOptions
  ) => Stream.Stream<PipelineOutput, BackendError | E, R>
  /** Ends with the session, and tells why. */
  readonly ended: Effect.Effect<SessionEnd>
}
