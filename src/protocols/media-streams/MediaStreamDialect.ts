/**
 * What the carriers of the JSON family do differently: each is one row of such names and numbers for the same codec.
 *
 * All of them connect to our WebSocket, send JSON text messages with an `event`, audio as base64 within them, and take the same.
 *
 * @since 0.1.0
 */
import type { MediaFormat } from "../MediaProtocol.ts"

/**
 * Where the first message has what a call needs: keys of its `start`, or, where `start` has none of that name, of the
 * message. Without a key, the carrier does not tell it.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartKeys {
  readonly callId: string
  readonly account?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** An object of strings, or a text `a=1;b=2` (or with `,`). */
  readonly parameters: string
  readonly mediaFormat: string
  /** Within the media format. */
  readonly sampleRate: string
}

/**
 * One carrier's messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaStreamDialect {
  /** As `provider_config.carriers[].kind` names it. */
  readonly name: string
  /** The key of the stream's id, in the messages of both directions. */
  readonly streamId: string
  /** The key of the number of each message; a digit that comes twice with the same number is heard once. */
  readonly sequence: string
  readonly start: StartKeys
  /** Names of encodings in the media format, in lower case and without parameters, and what they are. */
  readonly encodings: { readonly [name: string]: MediaFormat["encoding"] }
  /** Where the media format names no encoding or rate. */
  readonly fallback: { readonly encoding: MediaFormat["encoding"]; readonly sampleRate: number }
  /** The rates of 16-bit linear PCM, in Hz; G.711 is always at 8 kHz. */
  readonly sampleRates: ReadonlyArray<number>
  /** Of 16-bit linear PCM. Default: true. */
  readonly littleEndian?: boolean | undefined
  /** How many chunks may wait for one that is missing. 0 where the carrier keeps the order. */
  readonly reordering: number
  /** Our messages with audio: their `event`, and whether they tell `contentType` and `sampleRate`. */
  readonly audio: { readonly event: string; readonly described: boolean }
  /** The message that asks when everything before is played, with its name within `mark` or at the top; and what answers it. */
  readonly mark: { readonly event: string; readonly echo: string; readonly nested: boolean }
  /** The `event` of the message that makes the carrier drop what it has not played. */
  readonly clear: string
  /** Whether our messages name the stream. */
  readonly addressed: boolean
  /** How far ahead audio is sent, in ms. */
  readonly leadMs: number
  /** How many frames of 20 ms a message has. Default: 1. */
  readonly framesPerMessage?: number | undefined
}
