/**
 * A user on a WebSocket, whose frames mean what a `WebSocketProtocol` says.
 *
 * It drives a raw `ws` socket, because a frame costs half of what it does through Effect's socket. The connection owns
 * the socket from `make` to the end of its scope. A user who sends faster than time for long is read no faster than
 * `Pace` allows.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { WebSocket } from "ws"
import { frameMs, msOf } from "../audio/AudioFormat.ts"
import * as Pcm from "../audio/Pcm.ts"
import { finalizeWithin } from "../Deadline.ts"
import * as ClientMessage from "../session/ClientMessage.ts"
import type { UserConnection } from "../session/UserConnection.ts"
import { type CloseCode, closeCodes } from "./CloseCodes.ts"
import { FloodLimit } from "./FloodLimit.ts"
import { Inbox, nextId } from "./Inbox.ts"
import * as WebSocketProtocol from "./WebSocketProtocol.ts"

/**
 * The subprotocol that both sides speak.
 *
 * @category constants
 * @since 0.1.0
 */
export const SUBPROTOCOL = "effect-voice.v1"

/**
 * The largest frame that a user may send, 64 KiB; a larger one closes with 1009. For `WebSocketServer.maxPayload`.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAYLOAD_BYTES = ClientMessage.MAX_MESSAGE_BYTES

/**
 * Audio in the socket's own buffer beyond which `send` refuses: 200 ms, what playout sends ahead.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BACKLOG_MS = 200

/**
 * How often an open socket is pinged; the second ping in a row without an answer finds it dead.
 *
 * @category constants
 * @since 0.1.0
 */
export const PING_INTERVAL = Duration.seconds(15)

/** A client that lets so many bytes of events pile up reads nothing at all. */
const MAX_EVENT_BACKLOG_BYTES = 1_048_576
/** Pings of a client that does not read the answers are not answered. */
const MAX_PONG_BACKLOG_BYTES = 65_536
const CLOSE_TIMEOUT = Duration.seconds(1)
const OPEN = 1
const CLOSED = 3

/**
 * @category models
 * @since 0.1.0
 */
export interface WebSocketConnectionOptions extends WebSocketProtocol.Rates {
  /** Default: our own, `WebSocketProtocol.plain`. */
  readonly protocol?: WebSocketProtocol.MakeProtocol | undefined
  /**
   * Frames of 20 ms that are sent as one, 1 to `MAX_GATHERED`: a client that plays what it has buffered need not be woken
   * for each. Default: 1.
   */
  readonly gathered?: number | undefined
}

/**
 * The most frames of 20 ms that go into one message: 100 ms, half of what playout sends ahead.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_GATHERED = 5

/**
 * @category models
 * @since 0.1.0
 */
export interface WebSocketConnection {
  readonly connection: UserConnection
  /** Ends when the socket is gone; dies with what the session's listener threw, if it did. */
  readonly gone: Effect.Effect<void>
}

const reasonOf = (code: number): string => {
  switch (code) {
    case 1000:
    case 1001:
    case 1005:
      return "client_closed"
    default:
      return "connection_lost"
  }
}

const reasonOfError = (error: Error): string => {
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return "too_big"
  return code.startsWith("WS_ERR_") ? "protocol_error" : "connection_lost"
}

/**
 * Takes over an open socket (paused, if frames may come before), made with `maxPayload: MAX_PAYLOAD_BYTES`, `autoPong: false` and without compression.
 *
 * When the scope closes and the socket still lives, it is closed with 1001, and destroyed after a second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  socket: WebSocket,
  options: WebSocketConnectionOptions
): Effect.fn.Return<WebSocketConnection, never, Scope.Scope> {
  const { inputSampleRate, outputSampleRate } = options
  const wanted = Math.max(1, Math.min(MAX_GATHERED, options.gathered ?? 1))
  let gathered: Array<Int16Array> = []
  const inbox = new Inbox(inputSampleRate)
  const gone = Latch.makeUnsafe(socket.readyState === CLOSED)
  const clock = yield* Clock.Clock
  const pace = new FloodLimit()
  const tooFast = Latch.makeUnsafe(false)
  let alive = true

  /** A client that reads nothing is let go of. */
  const post = (frame: string | Uint8Array): void => {
    if (socket.readyState !== OPEN) return
    if (socket.bufferedAmount > MAX_EVENT_BACKLOG_BYTES) {
      inbox.closed("too_slow")
      return socket.terminate()
    }
    socket.send(frame)
  }
  const protocol = (options.protocol ?? WebSocketProtocol.plain)(options, post)

  /** Stops reading when the user is ahead of time: what is not read waits on the user's side. */
  const heed = (waitMs: number): void => {
    if (waitMs <= 0 || socket.readyState !== OPEN || socket.isPaused) return
    socket.pause()
    tooFast.openUnsafe()
  }
  const onMessage = (data: Buffer, isBinary: boolean): void => {
    alive = true
    heed(pace.spend(protocol.receive(data, isBinary, inbox), clock.currentTimeMillisUnsafe()))
    if (inbox.defect !== undefined) socket.close(closeCodes.internal_error.code, closeCodes.internal_error.reason)
  }
  socket.on("message", (data, isBinary) => {
    // With binaryType "nodebuffer" there is nothing else.
    if (Buffer.isBuffer(data)) onMessage(data, isBinary)
  })
  socket.on("ping", (data) => {
    alive = true
    heed(pace.frame(clock.currentTimeMillisUnsafe()))
    if (socket.readyState === OPEN && socket.bufferedAmount < MAX_PONG_BACKLOG_BYTES) socket.pong(data)
  })
  socket.on("pong", () => {
    alive = true
    heed(pace.frame(clock.currentTimeMillisUnsafe()))
  })
  // A close follows, but its code is the one that the user's side sends back, if it does.
  socket.on("error", (error) => inbox.closed(reasonOfError(error)))
  socket.on("close", (code) => {
    inbox.closed(reasonOf(code))
    gone.openUnsafe()
  })
  if (socket.readyState === CLOSED) inbox.closed("connection_lost")
  else if (socket.isPaused) socket.resume()

  const flush = (): void => {
    if (gathered.length === 0) return
    const frames = gathered
    gathered = []
    if (socket.readyState === OPEN) socket.send(protocol.audio(Pcm.concat(frames)))
  }

  const close = ({ code, reason }: CloseCode): Effect.Effect<void> =>
    Effect.suspend(() => {
      inbox.closed(reason)
      if (socket.readyState === CLOSED) return Effect.void
      socket.close(code, reason)
      return gone.await.pipe(
        finalizeWithin(CLOSE_TIMEOUT),
        Effect.tap((closed) => Option.isNone(closed) ? Effect.sync(() => socket.terminate()) : Effect.void),
        Effect.asVoid
      )
    })
  yield* Effect.addFinalizer(() => close(closeCodes.server_closed))

  yield* Effect.gen(function*() {
    let missed = 0
    while (missed < 2) {
      alive = false
      if (socket.readyState === OPEN && socket.bufferedAmount < MAX_EVENT_BACKLOG_BYTES) socket.ping()
      yield* Effect.sleep(PING_INTERVAL)
      missed = alive ? 0 : missed + 1
    }
    inbox.closed("timeout")
    socket.terminate()
  }).pipe(Effect.forkScoped)

  yield* Effect.gen(function*() {
    yield* tooFast.await
    let waitMs: number
    while ((waitMs = pace.waitMs(clock.currentTimeMillisUnsafe())) > 0) yield* Effect.sleep(Math.ceil(waitMs))
    tooFast.closeUnsafe()
    socket.resume()
  }).pipe(Effect.forever, Effect.forkScoped)

  const connection: UserConnection = {
    id: nextId("websocket"),
    transport: "websocket",
    format: { input: { sampleRate: inputSampleRate }, output: { sampleRate: outputSampleRate } },
    listen: (listener) => inbox.listen(listener),
    send: (frame) => {
      if (socket.readyState !== OPEN || msOf(socket.bufferedAmount / 2, outputSampleRate) > MAX_BACKLOG_MS) return false
      if (wanted === 1) {
        socket.send(protocol.audio(frame))
        return true
      }
      gathered.push(frame)
      if (gathered.length >= wanted) flush()
      return true
    },
    ...(wanted === 1 ? {} : { flush: () => flush() }),
    // What the socket holds cannot be taken back; the user's side is told to drop it.
    clear: () => {
      const droppedMs = gathered.length * frameMs
      gathered = []
      const frame = protocol.clear()
      if (frame !== undefined) post(frame)
      return droppedMs
    },
    notify: (event) => {
      if (socket.readyState === OPEN) protocol.event(event).forEach(post)
    },
    close: (reason) => close(closeCodes[reason])
  }
  return {
    connection,
    gone: Effect.andThen(
      gone.await,
      Effect.suspend(() => inbox.defect === undefined ? Effect.void : Effect.die(inbox.defect))
    )
  }
})
