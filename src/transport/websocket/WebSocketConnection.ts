/**
 * A user on a WebSocket, whose frames a `WebSocketProtocol` encodes and decodes.
 *
 * It uses a raw `ws` socket, because a frame costs half of what it does through Effect's socket. The connection owns the
 * socket from `make` to the end of its scope. A user who sends faster than the flood limit allows is read no faster
 * (backpressure).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { frameMs, msOf } from "../../audio/AudioFormat.ts"
import * as Pcm from "../../audio/Pcm.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { FloodLimit } from "../../session/FloodLimit.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import { Inbox, nextId } from "../Inbox.ts"
import { type CloseCode, closeCodes } from "./CloseCodes.ts"
import type { MessageSocket } from "./MessageSocket.ts"
import * as WebSocketProtocol from "./WebSocketProtocol.ts"

/**
 * The WebSocket subprotocol of this version of the protocol.
 *
 * @category constants
 * @since 0.1.0
 */
export const SUBPROTOCOL = "effect-voice.v1"

/**
 * The subprotocol that a client offers beside `SUBPROTOCOL` when it follows `session.moved`. A node that does not have the
 * session selects it, and sends nothing else.
 *
 * @category constants
 * @since 0.1.0
 */
export const MOVED_SUBPROTOCOL = "effect-voice.moved"

/**
 * The largest frame that a user may send, 64 KiB; a larger one closes with 1009. For `WebSocketServer.maxPayload`.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAYLOAD_BYTES = ClientMessage.MAX_MESSAGE_BYTES

/**
 * How much audio the socket may buffer before `send` returns `false`: 200 ms, what playout sends ahead.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BACKLOG_MS = 200

/**
 * How often an open socket is pinged; after two unanswered pings in a row it counts as dead.
 *
 * @category constants
 * @since 0.1.0
 */
export const PING_INTERVAL = Duration.seconds(15)

/** A client with so many bytes of unread events has stopped reading. */
const MAX_EVENT_BACKLOG_BYTES = 1_048_576
/** Pings of a client that does not read the pongs are not answered beyond this. */
const MAX_PONG_BACKLOG_BYTES = 65_536
/**
 * Frames that are still taken after reading has stopped, of those that have arrived already: ten thousand fit into what a
 * socket reads at once. The others are dropped as they are.
 */
const MAX_READ_AHEAD = 1_024
const CLOSE_TIMEOUT = Duration.seconds(1)
const OPEN = 1
const CLOSED = 3

/**
 * @category models
 * @since 0.1.0
 */
export interface WebSocketConnectionOptions extends WebSocketProtocol.SampleRates {
  /** Default: `WebSocketProtocol.native`. */
  readonly protocol?: WebSocketProtocol.MakeProtocol | undefined
  /**
   * How many frames of 20 ms go into one message, 1 to `MAX_FRAMES_PER_MESSAGE`: a client with a buffer of its own need
   * not wake up for each. Default: 1.
   */
  readonly framesPerMessage?: number | undefined
  /** Whether a client that closes its socket has ended its session. Default: it may come back. */
  readonly closeEndsSession?: boolean | undefined
  /** How far ahead of the speed of speech audio is sent, in ms. Default: 200. */
  readonly leadMs?: number | undefined
  /**
   * Takes the frames that have arrived already, which come first. It is called when the connection listens to the socket itself, so that
   * none is lost in between. Default: none.
   */
  readonly arrived?: (() => ReadonlyArray<ArrivedFrame>) | undefined
}

/**
 * A frame of a socket, before its connection was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface ArrivedFrame {
  readonly data: Buffer
  readonly isBinary: boolean
}

/**
 * The most frames of 20 ms that go into one message: 100 ms, half of what playout sends ahead.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FRAMES_PER_MESSAGE = 5

/**
 * @category models
 * @since 0.1.0
 */
export interface WebSocketConnection {
  readonly connection: UserConnection
  /** Completes when the socket is closed; dies with what the session's listener threw, if it did. */
  readonly closed: Effect.Effect<void>
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
 * Takes over an open socket (paused, if frames may arrive before), made with `maxPayload: MAX_PAYLOAD_BYTES`,
 * `autoPong: false` and without compression.
 *
 * A socket that is still open when the scope closes is closed with 1001, and destroyed after a second.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  socket: MessageSocket,
  options: WebSocketConnectionOptions
): Effect.fn.Return<WebSocketConnection, never, Scope.Scope> {
  const { inputSampleRate, outputSampleRate } = options
  const framesPerMessage = Math.max(1, Math.min(MAX_FRAMES_PER_MESSAGE, options.framesPerMessage ?? 1))
  let pending: Array<Int16Array> = []
  const inbox = new Inbox(inputSampleRate)
  const closed = Latch.makeUnsafe(socket.readyState === CLOSED)
  const clock = yield* Clock.Clock
  const floodLimit = new FloodLimit()
  const paused = Latch.makeUnsafe(false)
  let alive = true
  let readAhead = 0

  /** Sends a frame; ends the connection of a client that has stopped reading. */
  const post = (frame: string | Uint8Array): void => {
    if (socket.readyState !== OPEN) return
    if (socket.bufferedAmount > MAX_EVENT_BACKLOG_BYTES) {
      inbox.closed("too_slow")
      return socket.terminate()
    }
    socket.send(frame)
  }
  const protocol = (options.protocol ?? WebSocketProtocol.native)(options, post)

  /** Stops reading while the user is over the flood limit; TCP then holds back the sender. */
  const applyBackpressure = (waitMs: number): void => {
    if (waitMs <= 0 || socket.readyState !== OPEN || socket.isPaused) return
    socket.pause()
    paused.openUnsafe()
  }
  const isBeyondReadAhead = (): boolean => socket.isPaused && ++readAhead > MAX_READ_AHEAD
  const onMessage = (data: Buffer, isBinary: boolean): void => {
    alive = true
    if (isBeyondReadAhead()) return
    applyBackpressure(floodLimit.spend(protocol.receive(data, isBinary, inbox), MonotonicTime.nowMs(clock)))
    if (inbox.defect !== undefined) socket.close(closeCodes.internal_error.code, closeCodes.internal_error.reason)
  }
  /** What has been read before the session listens, of a protocol that waits for it; `undefined`: frames are received as they come. */
  let held: Array<ArrivedFrame> | undefined = protocol.afterListening === true ? [] : undefined
  const take = (data: Buffer, isBinary: boolean): void => {
    if (held === undefined) onMessage(data, isBinary)
    else if (inbox.endReason === undefined && held.length < MAX_READ_AHEAD) held.push({ data, isBinary })
  }
  const release = (): void => {
    const frames = held
    if (frames === undefined) return
    held = undefined
    if (socket.isPaused) socket.resume()
    for (const { data, isBinary } of frames) onMessage(data, isBinary)
  }
  socket.on("message", (data, isBinary) => {
    // With binaryType "nodebuffer" it always is.
    if (Buffer.isBuffer(data)) take(data, isBinary)
  })
  socket.on("ping", (data) => {
    alive = true
    if (isBeyondReadAhead()) return
    applyBackpressure(floodLimit.frame(MonotonicTime.nowMs(clock)))
    if (socket.readyState === OPEN && socket.bufferedAmount < MAX_PONG_BACKLOG_BYTES) socket.pong(data)
  })
  socket.on("pong", () => {
    alive = true
    if (isBeyondReadAhead()) return
    applyBackpressure(floodLimit.frame(MonotonicTime.nowMs(clock)))
  })
  // "close" follows, but with the code of the client's close frame, if it sends one.
  socket.on("error", (error) => inbox.closed(reasonOfError(error)))
  socket.on("close", (code) => {
    const reason = reasonOf(code)
    if (options.closeEndsSession === true && reason === "client_closed") inbox.message({ type: "session.end" })
    inbox.closed(reason)
    closed.openUnsafe()
  })
  for (const { data, isBinary } of options.arrived?.() ?? []) take(data, isBinary)
  if (socket.readyState === CLOSED) {
    inbox.closed("connection_lost")
    closed.openUnsafe()
  } else if (held !== undefined) socket.pause()
  else if (socket.isPaused) socket.resume()

  let epoch = 0
  let sentUntilMs = 0
  const mark = (last: boolean): void => {
    const asked = protocol.mark?.(epoch, sentUntilMs, last)
    if (asked !== undefined) socket.send(asked)
  }
  const sendAudio = (pcm: Int16Array): void => {
    const frame = protocol.audio(pcm)
    if (frame !== undefined) socket.send(frame)
  }
  const flush = (last = true): void => {
    if (socket.readyState !== OPEN) return
    if (pending.length > 0) {
      const frames = pending
      pending = []
      sendAudio(Pcm.concat(frames))
    }
    mark(last)
  }

  const close = ({ code, reason }: CloseCode): Effect.Effect<void> =>
    Effect.suspend(() => {
      inbox.closed(reason)
      if (socket.readyState === CLOSED) return Effect.void
      // The client's close frame has to be read.
      if (held !== undefined) socket.resume()
      const farewell = reason === closeCodes.session_ended.reason ? protocol.farewell?.() : undefined
      if (farewell !== undefined) post(farewell)
      socket.close(code, reason)
      return closed.await.pipe(
        finalizeWithin(CLOSE_TIMEOUT),
        Effect.tap((done) => Option.isNone(done) ? Effect.sync(() => socket.terminate()) : Effect.void),
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
    yield* paused.await
    let waitMs: number
    while ((waitMs = floodLimit.waitMs(MonotonicTime.nowMs(clock))) > 0) yield* Effect.sleep(Math.ceil(waitMs))
    paused.closeUnsafe()
    readAhead = 0
    socket.resume()
  }).pipe(Effect.forever, Effect.forkScoped)

  const { callTool } = protocol
  const connection: UserConnection = {
    id: nextId("websocket"),
    transport: "websocket",
    format: { input: { sampleRate: inputSampleRate }, output: { sampleRate: outputSampleRate } },
    leadMs: options.leadMs,
    listen: (listener) => {
      inbox.listen(listener)
      protocol.listening?.(inbox)
      release()
    },
    send: (frame, ofEpoch = 0, positionMs = 0) => {
      if (socket.readyState !== OPEN || msOf(socket.bufferedAmount / 2, outputSampleRate) > MAX_BACKLOG_MS) return false
      if (protocol.accepts?.() === false) return false
      epoch = ofEpoch
      sentUntilMs = positionMs + frameMs
      if (framesPerMessage === 1) {
        sendAudio(frame)
        mark(false)
      } else {
        pending.push(frame)
        if (pending.length >= framesPerMessage) flush(false)
      }
      return true
    },
    ...(framesPerMessage === 1 && protocol.mark === undefined ? {} : { flush: () => flush() }),
    // What the socket has buffered cannot be taken back; the protocol tells the client to drop it.
    clear: () => {
      const droppedMs = pending.length * frameMs
      pending = []
      const frame = protocol.clear()
      if (frame !== undefined) post(frame)
      return droppedMs
    },
    notify: (event) => {
      if (socket.readyState === OPEN) protocol.event(event).forEach(post)
    },
    ...(callTool === undefined ? {} : {
      callTool: (call) => {
        // what was said before the call comes before it
        flush(false)
        callTool(call).forEach(post)
      }
    }),
    close: (reason) => close(closeCodes[reason])
  }
  return {
    connection,
    closed: Effect.andThen(
      closed.await,
      Effect.suspend(() => inbox.defect === undefined ? Effect.void : Effect.die(inbox.defect))
    )
  }
})
