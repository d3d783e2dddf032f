/**
 * One live media link between a user and a session: a WebSocket, a WebRTC peer, a room's participant, a program.
 *
 * A connection owns its codec, its jitter buffer and its playout position; the session owns the conversation. It belongs
 * to the scope in which it was made; a session to which another one is attached closes the former.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ClientToolCall } from "../agent/tools/ClientTools.ts"
import type { InvalidConfig } from "../BackendError.ts"
import type { ClientMessage } from "./ClientMessage.ts"
import type { SessionControl } from "./SessionControl.ts"
import type { SessionEvent } from "./SessionEvent.ts"

/**
 * The callbacks of a session. All are synchronous and called in the order of arrival; audio is only valid during the call.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionListener {
  /** Mono PCM at the connection's input rate, any length. */
  readonly audio: (pcm: Int16Array) => void
  /** So many samples (at the input rate) were lost or not sent; the timeline goes on. */
  readonly gap: (samples: number) => void
  /** Takes a message of the user's client. */
  readonly message: (message: ClientMessage) => void
  /**
   * The far end has played so much (in ms, at most) of the reply of this epoch, as `send` counts it. Only of a connection whose far
   * end says so; before the first report playout goes by its own clock.
   */
  readonly played?: ((epoch: number, playedMs: number) => void) | undefined
  /**
   * Takes what a client asks of the conversation, whose protocol has it; it has taken effect when this returns. Returns why it was
   * refused: nothing has changed then.
   */
  readonly control?: ((control: SessionControl) => InvalidConfig | undefined) | undefined
  /** A message could not be decoded; the session answers with an `error` event and goes on. */
  readonly malformed: (reason: string) => void
  /** The connection is closed or lost. Called once, last. */
  readonly closed: (reason: string) => void
}

/**
 * Why a session closes a connection; a transport maps it to its own close code.
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
  /**
   * What the provider knows of the call, such as its room or the caller's number, for the agent and its tools
   * (`CallContext.facts`). Read at each use, so it may be a getter. It is neither logged nor stored. Default: nothing.
   */
  readonly facts?: { readonly [name: string]: unknown } | undefined
  /** Starts the delivery of what arrives, and of what has arrived before (bounded). Called once, by the session. */
  readonly listen: (listener: ConnectionListener) => void
  /**
   * How far ahead of the speed of speech frames are sent, in ms: more than 200 only where all of it can be taken back, less where
   * nothing can. Default: 200.
   */
  readonly leadMs?: number | undefined
  /**
   * Sends a frame of 20 ms at the output rate. The samples are not changed afterwards, so they may be kept. `false` means
   * that the frame was not accepted; playout tries it again later. Of a session's reply, `epoch` tells which one, and
   * `positionMs` where the frame begins in it.
   */
  readonly send: (frame: Int16Array, epoch?: number, positionMs?: number) => boolean
  /** No frame follows for now: frames that were gathered for a larger packet are sent. Only of a connection that gathers. */
  readonly flush?: (() => void) | undefined
  /**
   * Drops what was accepted and has not been played, as far as it can be taken back. Returns how many milliseconds that
   * is: they do not count as heard.
   */
  readonly clear: () => number
  /** Sends an event to the user's client, where the transport can; never blocks. */
  readonly notify: (event: SessionEvent) => void
  /** Has the client run a tool; its output comes by `ConnectionListener.control`. Default: the client runs none. */
  readonly callTool?: ((call: ClientToolCall) => void) | undefined
  /** Closes the connection within a bounded time; idempotent. */
  readonly close: (reason: ConnectionClose) => Effect.Effect<void>
}
