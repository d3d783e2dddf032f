/**
 * Exotel's Voicebot applet: little-endian PCM at 8, 16 or 24 kHz, in pieces of 100 ms. Pieces that are sent are of a multiple of
 * 320 bytes.
 *
 * @since 0.1.0
 */
import type { MediaProtocol } from "../MediaProtocol.ts"
import * as MediaStream from "./MediaStream.ts"
import type { MediaStreamDialect } from "./MediaStreamDialect.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const dialect: MediaStreamDialect = {
  name: "exotel",
  streamId: "stream_sid",
  sequence: "sequence_number",
  start: {
    callId: "call_sid",
    account: "account_sid",
    from: "from",
    to: "to",
    parameters: "custom_parameters",
    mediaFormat: "media_format",
    sampleRate: "sample_rate"
  },
  // its documents name linear PCM in all of these ways
  encodings: {
    "audio/x-raw": "l16",
    base64: "l16",
    raw: "l16",
    "raw/slin": "l16",
    slin: "l16",
    linear16: "l16",
    "audio/x-l16": "l16",
    "audio/x-mulaw": "mulaw"
  },
  fallback: { encoding: "l16", sampleRate: 8_000 },
  sampleRates: [8_000, 16_000, 24_000],
  reordering: 0,
  audio: { event: "media", described: false },
  mark: { event: "mark", echo: "mark", nested: true },
  clear: "clear",
  addressed: true,
  leadMs: 400,
  framesPerMessage: 5
}

/**
 * @category constants
 * @since 0.1.0
 */
export const protocol: MediaProtocol = MediaStream.make(dialect)
