/**
 * A user on a media stream of a carrier, once the stream has told its call.
 *
 * It is a WebSocket connection whose frames a `MediaCodec` encodes and decodes. Where the far end sends nothing while nobody speaks, a
 * clock gives silence, so that turns end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MessageSocket } from "../transport/websocket/MessageSocket.ts"
import * as WebSocketConnection from "../transport/websocket/WebSocketConnection.ts"
import type { FrameListener, MakeProtocol } from "../transport/websocket/WebSocketProtocol.ts"
import type { MediaCodec, MediaListener, MediaProtocol, MediaStart } from "./MediaProtocol.ts"
import { PlayoutMarks } from "./PlayoutMarks.ts"
import type { SilenceClock } from "./SilenceClock.ts"

// The samples of a message are valid during its call only, and messages are decoded one at a time: all streams share the room.
const samples = new Int16Array(WebSocketConnection.MAX_PAYLOAD_BYTES)

/**
 * - `start`: what the stream has told.
 * - `silence`: the clock of all streams that gives it silence.
 * - `arrived`: takes the frames that came behind it already. Default: none.
 * - `stopped`: the stream has ended by the carrier's own word. Called once.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaConnectionOptions {
  readonly protocol: MediaProtocol
  readonly start: MediaStart
  readonly silence: SilenceClock["Service"]
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
  socket: MessageSocket,
  { arrived, protocol, silence, start, stopped }: MediaConnectionOptions
): Effect.fn.Return<WebSocketConnection.WebSocketConnection, never, Scope.Scope> {
  const samplesPerMs = start.input.sampleRate / 1_000
  let gap: ((samples: number) => void) | undefined
  const silent = yield* silence.watch((ms) => gap?.(Math.round(samplesPerMs * ms)))
  const made = yield* WebSocketConnection.make(socket, {
    inputSampleRate: start.input.sampleRate,
    outputSampleRate: start.output.sampleRate,
    framesPerMessage: protocol.framesPerMessage,
    leadMs: protocol.leadMs,
    protocol: protocolOf(protocol.make(start), stopped, silent.heard),
    arrived
  })
  const { connection } = made
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
