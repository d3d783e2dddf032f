/**
 * One connection to a running bot: binary frames over a WebSocket, with pings that detect a dead peer.
 *
 * Uses a raw `ws` socket, because a frame costs half as much as through Effect's socket.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { WebSocket } from "ws"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as BotErrors from "./BotErrors.ts"

/** Pipecat's own limit, in both directions. */
const MAX_PAYLOAD_BYTES = 1_048_576
/** About 8 s of audio. If the bot does not read, further frames are dropped, and the pings will detect it as dead. */
const MAX_BACKLOG_BYTES = 262_144
const PING_INTERVAL = Duration.seconds(15)
const CLOSE_TIMEOUT = Duration.seconds(1)

/**
 * Where to connect, and where frames go.
 *
 * @category models
 * @since 0.1.0
 */
export interface BotSocketOptions {
  readonly url: string
  readonly token: Redacted.Redacted<string> | undefined
  /** Called for each binary frame; it must not throw. */
  readonly onFrame: (bytes: Uint8Array) => void
}

/**
 * An open connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface BotSocket {
  /** Returns false when the frame was dropped: the bot does not read, or the socket is closed. */
  readonly send: (bytes: Uint8Array) => boolean
  /** Waits for the close and returns its code; 1006 for a broken connection or a bot that does not answer pings. */
  readonly closed: Effect.Effect<number>
}

const op = "SpeechToSpeech.connect"

/**
 * Connects; closes with the scope, within a second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function*(
  options: BotSocketOptions
): Effect.fn.Return<BotSocket, BackendError, Scope.Scope> {
  const gone = Deferred.makeUnsafe<number>()
  const { onFrame, token } = options
  let alive = true
  const socket = yield* Effect.acquireRelease(
    Effect.try({
      try: () =>
        new WebSocket(options.url, {
          maxPayload: MAX_PAYLOAD_BYTES,
          perMessageDeflate: false,
          followRedirects: false,
          ...(token === undefined ? {} : { headers: { authorization: `Bearer ${Redacted.value(token)}` } })
        }),
      // without the cause, whose message may contain the URL or the token
      catch: (cause) =>
        new InvalidConfig({
          op,
          message: cause instanceof SyntaxError
            ? "invalid WebSocket URL for pipecat"
            : "pipecat could not be asked for a WebSocket: its token cannot be sent in a header",
          details: { vendor: "pipecat" }
        })
    }).pipe(Effect.map((socket) => {
      socket.on("error", () => {})
      socket.on("close", (code) => Deferred.doneUnsafe(gone, Effect.succeed(code)))
      socket.on("pong", () => {
        alive = true
      })
      socket.on("message", (data, isBinary) => {
        alive = true
        // the protocol has no text frames
        if (isBinary && Buffer.isBuffer(data)) onFrame(data)
      })
      return socket
    })),
    (socket) =>
      Effect.suspend(() => {
        if (socket.readyState !== WebSocket.OPEN) return Effect.sync(() => socket.terminate())
        socket.close(1000)
        return Deferred.await(gone).pipe(
          finalizeWithin(CLOSE_TIMEOUT),
          Effect.andThen(Effect.sync(() => socket.terminate()))
        )
      })
  )
  yield* Effect.callback<void, BackendError>((resume) => {
    socket.once("open", () => resume(Effect.void))
    socket.once("error", (cause) => resume(Effect.fail(BotErrors.unreachable(op, cause))))
    socket.once("close", (code) => resume(Effect.fail(BotErrors.fromClose(op, code, false))))
    socket.once("unexpected-response", (_, { headers, statusCode = 0 }) => {
      resume(Effect.fail(BotErrors.fromStatus(op, statusCode, headers)))
      socket.terminate()
    })
  })
  yield* Effect.gen(function*() {
    let missed = 0
    while (missed < 2) {
      alive = false
      if (socket.readyState === WebSocket.OPEN) socket.ping()
      yield* Effect.sleep(PING_INTERVAL)
      missed = alive ? 0 : missed + 1
    }
    socket.terminate()
  }).pipe(Effect.forkScoped)
  return {
    send: (bytes) => {
      if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MAX_BACKLOG_BYTES) return false
      socket.send(bytes)
      return true
    },
    closed: Deferred.await(gone)
  }
})
