/**
 * Encodes and decodes the frames of a user's WebSocket; it knows the wire format and nothing of sockets.
 *
 * @since 0.1.0
 */
import { msOf } from "../../audio/AudioFormat.ts"
import * as Pcm from "../../audio/Pcm.ts"
import * as ClientMessage from "../../session/ClientMessage.ts"
import { costOf, costOfAudio } from "../../session/FloodLimit.ts"
import type { ClientToolCall } from "../../session/SessionControl.ts"
import * as SessionEvent from "../../session/SessionEvent.ts"
import type { ConnectionListener } from "../../session/UserConnection.ts"

/**
 * Takes what was decoded from a user's frames.
 *
 * @category models
 * @since 0.1.0
 */
export type FrameListener =
  & Pick<ConnectionListener, "audio" | "message" | "malformed">
  & Partial<Pick<ConnectionListener, "gap" | "played" | "control">>

/**
 * The rates of a connection, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export interface SampleRates {
  readonly inputSampleRate: number
  readonly outputSampleRate: number
}

/**
 * The rates of a connection that asks for no others: 16 kHz from the user, 24 kHz to the user.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultRates: SampleRates = { inputSampleRate: 16_000, outputSampleRate: 24_000 }

/**
 * The protocol of one connection. All synchronous; nothing throws, whatever arrives.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketProtocol {
  /**
   * Decodes a frame and passes its content on. Returns its cost in ms (see `FloodLimit`).
   */
  readonly receive: (data: Uint8Array, isBinary: boolean, listener: FrameListener) => number
  /**
   * Encodes audio; the frame may be a view of the samples, which are not changed any more. `undefined`: the client wants no audio, and
   * it counts as sent.
   */
  readonly audio: (pcm: Int16Array) => string | Uint8Array | undefined
  /**
   * Asks the far end to report when it has played the reply of this epoch up to here, in ms; `undefined` while no report is due. Called
   * after each message of audio; `last` when no audio follows for now. Default: the far end is not asked.
   */
  readonly mark?: ((epoch: number, untilMs: number, last: boolean) => string | Uint8Array | undefined) | undefined
  /** Whether the far end takes audio now. Default: always. */
  readonly accepts?: (() => boolean) | undefined
  /** Encodes an event as text and binary frames, in order. */
  readonly event: (event: SessionEvent.SessionEvent) => ReadonlyArray<string | Uint8Array>
  /** The frame that makes the client drop what it has not played; `undefined` when an event does. */
  readonly clear: () => string | Uint8Array | undefined
  /** A last frame before the connection is closed because its session has ended. Default: none. */
  readonly farewell?: (() => string | Uint8Array | undefined) | undefined
  /** Has the client run a tool, whose output comes by `FrameListener.control`. Default: the client runs none. */
  readonly callTool?: ((call: ClientToolCall) => ReadonlyArray<string | Uint8Array>) | undefined
  /**
   * Whether nothing is received before the session listens: of a protocol whose client is answered (`FrameListener.control`). The
   * network holds back what comes before. Default: no; what comes before is received, and its content is kept for the session.
   */
  readonly afterListening?: boolean | undefined
  /** The session listens from now on; called once, before anything is received. Default: nothing is done. */
  readonly listening?: ((listener: FrameListener) => void) | undefined
}

/**
 * Makes the protocol of a connection; `reply` sends a frame to the user at once.
 *
 * @category models
 * @since 0.1.0
 */
export type MakeProtocol = (rates: SampleRates, reply: (frame: string | Uint8Array) => void) => WebSocketProtocol

const decoder = new TextDecoder()

/**
 * The native protocol: binary frames are PCM in whole samples, text frames are JSON (`ClientMessage` in, `SessionEvent`
 * out), and `playout.clear` is an event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const native: MakeProtocol = ({ inputSampleRate }) => {
  return {
    receive: (data, isBinary, listener) => {
      if (isBinary) {
        // Carrying half a sample over would turn everything that follows into noise.
        if (data.length % 2 === 1) {
          listener.malformed("audio frame of an odd number of bytes: the last byte was dropped")
        }
        const samples = Pcm.toInt16(data)
        listener.audio(samples)
        return costOfAudio(msOf(samples.length, inputSampleRate))
      }
      const parsed = ClientMessage.parse(decoder.decode(data))
      if (parsed._tag === "Message") listener.message(parsed.message)
      else if (parsed._tag === "Malformed") listener.malformed(parsed.reason)
      return costOf(parsed)
    },
    audio: Pcm.fromInt16,
    event: (event) => [SessionEvent.toJson(event)],
    clear: () => undefined
  }
}
