/**
 * What the frames of a user's WebSocket mean: the part of a connection that knows the wire, and nothing of sockets.
 *
 * @since 0.1.0
 */
import { msOf } from "../audio/AudioFormat.ts"
import * as ClientMessage from "../session/ClientMessage.ts"
import * as SessionEvent from "../session/SessionEvent.ts"
import type { ConnectionListener } from "../session/UserConnection.ts"
import { costOf, costOfAudio } from "./Pace.ts"

/**
 * Where what came from a user goes.
 *
 * @category models
 * @since 0.1.0
 */
export type Hearing = Pick<ConnectionListener, "audio" | "message" | "malformed">

/**
 * The rates of a connection, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rates {
  readonly inputSampleRate: number
  readonly outputSampleRate: number
}

/**
 * One connection's protocol. All synchronous; nothing throws, whatever comes.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketProtocol {
  /**
   * Takes a frame and tells what it says. Returns what the user spent by it, in ms (see `Pace`).
   */
  readonly receive: (data: Uint8Array, isBinary: boolean, hearing: Hearing) => number
  /** The frame of 20 ms of audio, a copy. */
  readonly audio: (pcm: Int16Array) => Uint8Array
  /** The frames of an event, in order: texts and bytes. */
  readonly event: (event: SessionEvent.SessionEvent) => ReadonlyArray<string | Uint8Array>
  /** The frame by which the user's side drops what it has not played; `undefined` when an event says it. */
  readonly clear: () => Uint8Array | undefined
}

/**
 * Makes the protocol of a connection; `reply` sends a frame to the user at once.
 *
 * @category models
 * @since 0.1.0
 */
export type MakeProtocol = (rates: Rates, reply: (frame: string | Uint8Array) => void) => WebSocketProtocol

/** Bytes to samples, whatever their alignment; the odd byte of one frame is the first of the next. */
class PcmReader {
  #bytes = new Uint8Array(4_096)
  #odd = 0

  read(data: Uint8Array): Int16Array {
    const length = this.#odd + data.length
    if (length > this.#bytes.length) {
      const former = this.#bytes
      this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(length)))
      this.#bytes[0] = former[0]!
    }
    this.#bytes.set(data, this.#odd)
    const samples = new Int16Array(this.#bytes.buffer, 0, length >> 1)
    this.#odd = length & 1
    return samples
  }

  /** To be called when what `read` gave has been used: it makes room by moving the odd byte to the front. */
  done(samples: Int16Array): void {
    if (this.#odd === 1) this.#bytes[0] = this.#bytes[samples.byteLength]!
  }
}

const decoder = new TextDecoder()

/**
 * Our own: binary frames are PCM, text frames are JSON (`ClientMessage` in, `SessionEvent` out), and `playout.clear` is
 * an event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plain: MakeProtocol = ({ inputSampleRate }) => {
  const reader = new PcmReader()
  return {
    receive: (data, isBinary, hearing) => {
      if (isBinary) {
        const samples = reader.read(data)
        hearing.audio(samples)
        reader.done(samples)
        return costOfAudio(msOf(samples.length, inputSampleRate))
      }
      const parsed = ClientMessage.parse(decoder.decode(data))
      if (parsed._tag === "Message") hearing.message(parsed.message)
      else if (parsed._tag === "Malformed") hearing.malformed(parsed.reason)
      return costOf(parsed)
    },
    audio: (pcm) => new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength).slice(),
    event: (event) => [SessionEvent.toJson(event)],
    clear: () => undefined
  }
}
