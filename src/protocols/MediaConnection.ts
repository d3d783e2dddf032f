/**
 * A user on a media stream of a carrier, once the stream has told its call.
 *
 * It is a WebSocket connection whose frames a `MediaCodec` encodes and decodes. Where the far end sends nothing while nobody speaks, the
 * stream's own clock gives silence, so that turns end.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { WebSocket } from "ws"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as WebSocketConnection from "../transport/websocket/WebSocketConnection.ts"
import type { FrameListener, MakeProtocol } from "../transport/websocket/WebSocketProtocol.ts"
import type { MediaCodec, MediaListener, MediaProtocol, MediaStart } from "./MediaProtocol.ts"
import { PlayoutMarks } from "./PlayoutMarks.ts"

/** How long nothing may come before it counts as silence, in ms: longer than the jitter of a network. */
const SILENT_AFTER_MS = 300
/** A timer that fires later was held up, in ms. */
const LATE_MS = 20
/** How much of it is given at a time, in ms. */
const SILENCE_MS = 100

// The samples of a message are valid during its call only, and messages are decoded one at a time: all streams share the room.
const samples = new Int16Array(WebSocketConnection.MAX_PAYLOAD_BYTES)

/**
 * - `start`: what the stream has told.
 * - `arrived`: takes the frames that came behind it already. Default: none.
 * - `stopped`: the stream has ended by the carrier's own word. Called once.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaConnectionOptions {
  readonly protocol: MediaProtocol
  readonly start: MediaStart
  readonly arrived?: (() => ReadonlyArray<WebSocketConnection.ArrivedFrame>) | undefined
  readonly stopped: (reason: string) => void
}

/** The codec as the protocol of a WebSocket connection. */
const protocolOf = (codec: MediaCodec, stopped: (reason: string) => void, onAudio: () => void): MakeProtocol => () => {
  const marks = new PlayoutMarks()
  const { accepts, clear, hangUp, mark } = codec
  let target: FrameListener | undefined
  let hasStopped = false
  const listener: MediaListener = {
    audio: (pcm) => {
      onAudio()
      target?.audio(pcm)
    },
    gap: (count) => target?.gap?.(count),
    digit: (digit) => target?.message({ type: "user.dtmf", digit }),
    mark: (name) => {
      const played = marks.played(name)
      if (played !== undefined) target?.played?.(played.epoch, played.ms)
    },
    stopped: (reason) => {
      if (hasStopped) return
      hasStopped = true
      stopped(reason)
    },
    malformed: (reason) => target?.malformed(reason)
  }
  return {
    receive: (data, isBinary, frames) => {
      target = frames
      return codec.receive(data, isBinary, samples, listener)
    },
    audio: codec.audio,
    event: () => NOTHING,
    clear: () => {
      marks.cleared()
      return clear?.()
    },
    ...(mark === undefined ? {} : {
      mark: (epoch, untilMs, last) => {
        const name = marks.next(epoch, untilMs, last)
        return name === undefined ? undefined : mark(name)
      }
    }),
    ...(accepts === undefined ? {} : { accepts }),
    ...(hangUp === undefined ? {} : { farewell: hangUp })
  }
}

const NOTHING: ReadonlyArray<string> = []

/**
 * Takes over an open socket whose stream has started; like `WebSocketConnection.make`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  socket: WebSocket,
  { arrived, protocol, start, stopped }: MediaConnectionOptions
): Effect.fn.Return<WebSocketConnection.WebSocketConnection, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => MonotonicTime.nowMs(clock)
  let heardAtMs = now()
  const made = yield* WebSocketConnection.make(socket, {
    inputSampleRate: start.input.sampleRate,
    outputSampleRate: start.output.sampleRate,
    framesPerMessage: protocol.framesPerMessage,
    leadMs: protocol.leadMs,
    protocol: protocolOf(protocol.make(start), stopped, () => {
      heardAtMs = now()
    }),
    arrived
  })
  const { connection } = made
  let gap: ((samples: number) => void) | undefined
  yield* Effect.gen(function*() {
    while (true) {
      const leftMs = SILENT_AFTER_MS - (now() - heardAtMs)
      // a stream that is heard wakes up a few times a second, and not for each of its messages
      if (leftMs > 0) {
        const wakesAtMs = now() + leftMs
        yield* Effect.sleep(leftMs)
        // a process that stood still has not read its sockets yet: what has come meanwhile is no silence
        if (now() - wakesAtMs > LATE_MS) yield* Effect.sleep(1)
      } else {
        gap?.(start.input.sampleRate * SILENCE_MS / 1_000)
        yield* Effect.sleep(SILENCE_MS)
      }
    }
  }).pipe(Effect.forkScoped)
  return {
    ...made,
    connection: {
      ...connection,
      listen: (listener) => {
        gap = listener.gap
        connection.listen(listener)
      }
    }
  }
})
