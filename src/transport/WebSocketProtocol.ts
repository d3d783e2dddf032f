/**
 * What the frames of a user's WebSocket mean: the part of a connection that knows the wire, and nothing of sockets.
 *
 * @since 0.1.0
 */
import { msOf } from "../audio/AudioFormat.ts"
import * as Pcm from "../audio/Pcm.ts"
import * as ClientMessage from "../session/ClientMessage.ts"
import * as SessionEvent from "../session/SessionEvent.ts"
import type { ConnectionListener } from "../session/UserConnection.ts"
import { costOf, costOfAudio } from "./FloodLimit.ts"

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
 * The rates of a connection that asks for no others: 16 kHz from the user, 24 kHz to the user.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultRates: Rates = { inputSampleRate: 16_000, outputSampleRate: 24_000 }

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
  /** The frame of 20 ms of audio; it may be a view of the samples, which nobody changes any more. */
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

const decoder = new TextDecoder()

/**
 * Our own: binary frames are PCM in whole samples, text frames are JSON (`ClientMessage` in, `SessionEvent` out), and `playout.clear` is
 * an event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plain: MakeProtocol = ({ inputSampleRate }) => {
  return {
    receive: (data, isBinary, hearing) => {
      if (isBinary) {
        // half a sample carried over would turn all that follows into noise, for good
        if (data.length % 2 === 1) hearing.malformed("audio of an odd number of bytes: its last one was dropped")
        const samples = Pcm.toInt16(data)
        hearing.audio(samples)
        return costOfAudio(msOf(samples.length, inputSampleRate))
      }
      const parsed = ClientMessage.parse(decoder.decode(data))
      if (parsed._tag === "Message") hearing.message(parsed.message)
      else if (parsed._tag === "Malformed") hearing.malformed(parsed.reason)
      return costOf(parsed)
    },
    audio: Pcm.fromInt16,
    event: (event) => [SessionEvent.toJson(event)],
    clear: () => undefined
  }
}
