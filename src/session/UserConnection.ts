/**
 * One live media link between a user and a session: a WebSocket, a WebRTC peer, a room's participant, a program.
 *
 * A connection owns its codec, its jitter buffer and its playout position; the session owns the conversation. It comes
 * with the scope of whoever made it; a session that is given another one lets go of the former by `close`.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ClientMessage } from "./ClientMessage.ts"
import type { SessionEvent } from "./SessionEvent.ts"

/**
 * What a connection tells its session. All synchronous, in the order of arrival; audio is only valid during the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionListener {
  /** Mono PCM at the connection's input rate, any length. */
  readonly audio: (pcm: Int16Array) => void
  /** So much audio (at the input rate) was lost on the way, or the sender was silent: the timeline goes on. */
  readonly gap: (samples: number) => void
  readonly message: (message: ClientMessage) => void
  /** Something that the user sent made no sense; the session answers with an `error` event and goes on. */
  readonly malformed: (reason: string) => void
  /** The link is gone. Called once, last. */
  readonly closed: (reason: string) => void
}

/**
 * Why a session lets go of a connection; a transport maps it to its own close code.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionClose = "session_ended" | "replaced" | "too_slow" | "rate_limited"

/**
 * @category models
 * @since 0.1.0
 */
export interface UserConnection {
  /** Unique in the process. */
  readonly id: string
  readonly transport: "websocket" | "webrtc" | "memory" | (string & {})
  readonly format: {
    readonly input: { readonly sampleRate: number }
    readonly output: { readonly sampleRate: number }
  }
  /** Starts the delivery of what arrives, and of what has arrived (bounded). Called once, by the session. */
  readonly listen: (listener: ConnectionListener) => void
  /**
   * Hands over a frame of 20 ms at the output rate; its samples are not changed any more, and may be kept. `false` means
   * that it was not accepted, and playout tries the same frame again later.
   */
  readonly send: (frame: Int16Array) => boolean
  /** Nothing follows for now: what is gathered for a larger piece is sent. Only of a connection that gathers. */
  readonly flush?: (() => void) | undefined
  /**
   * Drops what was accepted and has not been played, as far as it can be taken back. Returns how many milliseconds that
   * is: they do not count as heard.
   */
  readonly clear: () => number
  /** Delivers an event to the user's client, if it has a way; never blocks. */
  readonly notify: (event: SessionEvent) => void
  /** Ends the link; bounded, and safe to call twice. */
  readonly close: (reason: ConnectionClose) => Effect.Effect<void>
}
