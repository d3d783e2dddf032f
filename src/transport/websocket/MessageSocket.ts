/**
 * What a connection uses of a socket of messages: `ws` has it, and so can another framing over TCP.
 *
 * @since 0.1.0
 */

/**
 * A socket that sends and takes whole messages. `readyState` is as RFC 6455 has it in browsers: 0 connecting, 1 open, 2 closing, 3 closed.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageSocket {
  readonly readyState: number
  /** The bytes that were sent and have not left the process. */
  readonly bufferedAmount: number
  readonly isPaused: boolean
  /** Sends a message: a text, or bytes. */
  readonly send: (data: string | Uint8Array) => void
  /** Asks the far end for a sign of life, a `pong`. */
  readonly ping: () => void
  /** Answers a `ping`. */
  readonly pong: (data: Buffer) => void
  /** Stops reading; what has been read still comes. */
  readonly pause: () => void
  /** Reads again. */
  readonly resume: () => void
  /** Closes it, with a code and a reason where its protocol has them. */
  readonly close: (code?: number, reason?: string) => void
  /** Destroys it. */
  readonly terminate: () => void
  /** Listens to an event. */
  readonly on: MessageSocketEvents
  /** Listens to the next event of its kind. */
  readonly once: MessageSocketEvents
  /** Does not listen any more. */
  readonly off: MessageSocketEvents
}

/**
 * The events of a socket, by their names in `ws`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageSocketEvents {
  (event: "message", listener: (data: unknown, isBinary: boolean) => void): unknown
  (event: "ping" | "pong", listener: (data: Buffer) => void): unknown
  (event: "close", listener: (code: number) => void): unknown
  (event: "error", listener: (error: Error) => void): unknown
}
