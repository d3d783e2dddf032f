/**
 * Waits for the first messages of a media stream, which tell its call.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, InvalidConfig } from "../BackendError.ts"
import { deadline } from "../Deadline.ts"
import type { MessageSocket } from "../transport/websocket/MessageSocket.ts"
import type { ArrivedFrame } from "../transport/websocket/WebSocketConnection.ts"
import type { MediaProtocol, MediaStart } from "./MediaProtocol.ts"

/** No protocol has so many messages before it tells the call. */
const MAX_BEFORE_START = 16
/** Frames behind the start that wait until the session has been made: 2 s of audio and more. What is beyond is dropped. */
const MAX_ARRIVED = 256
const CLOSED = 3

/**
 * A stream that has started.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenedStream {
  readonly start: MediaStart
  /** Takes the frames that have come behind the start; whoever takes them listens to the socket from then on. */
  readonly take: () => ReadonlyArray<ArrivedFrame>
}

const op = "MediaProtocol.open"

/**
 * Reads the first messages of a socket, which is paused before and afterwards. Fails `invalid_config` for what is not of the protocol,
 * `timeout` when the stream does not start in time, `connection_failed` when the socket is closed before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  socket: Pick<MessageSocket, "readyState" | "pause" | "resume" | "on" | "off">,
  protocol: MediaProtocol,
  within: Duration.Input
): Effect.fn.Return<OpenedStream, BackendError, Scope.Scope> {
  const arrived: Array<ArrivedFrame> = []
  let stop = (): void => undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => stop()))
  const start = yield* Effect.callback<MediaStart, BackendError>((resume) => {
    let before = 0
    let started = false
    const onMessage = (data: unknown, isBinary: boolean): void => {
      if (!Buffer.isBuffer(data)) return
      if (started) {
        if (arrived.length < MAX_ARRIVED) arrived.push({ data, isBinary })
        return
      }
      const opening = protocol.open(data, isBinary)
      if (opening._tag === "Started") {
        started = true
        // what has been read already still comes
        socket.pause()
        return resume(Effect.succeed(opening.start))
      }
      if (opening._tag === "Invalid" || ++before >= MAX_BEFORE_START) {
        started = true
        const why = opening._tag === "Invalid" ? opening.reason : "it does not start"
        resume(Effect.fail(new InvalidConfig({ op, message: `not a media stream of ${protocol.name}: ${why}` })))
      }
    }
    const onClose = () =>
      resume(Effect.fail(new ConnectionFailed({ op, message: "the media stream was closed before it started" })))
    const onError = () => undefined
    stop = () => {
      socket.off("message", onMessage)
      socket.off("close", onClose)
      socket.off("error", onError)
    }
    if (socket.readyState === CLOSED) return onClose()
    socket.on("message", onMessage)
    socket.on("close", onClose)
    // "close" follows
    socket.on("error", onError)
    socket.resume()
  }).pipe(deadline(op, "the start of the media stream", within))
  return {
    start,
    take: () => {
      stop()
      return arrived.splice(0)
    }
  }
})
