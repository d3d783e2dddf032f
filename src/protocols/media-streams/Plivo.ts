/**
 * Plivo's audio streams (`<Stream bidirectional="true">`): µ-law at 8 kHz, or little-endian PCM at 8 or 16 kHz. A checkpoint is
 * answered only when what is before it has been played; after `clearAudio` it is not.
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
  name: "plivo",
  streamId: "streamId",
  sequence: "sequenceNumber",
  start: {
    callId: "callId",
    account: "accountId",
    from: "from",
    to: "to",
    parameters: "extra_headers",
    mediaFormat: "mediaFormat",
    sampleRate: "sampleRate"
  },
  encodings: { "audio/x-mulaw": "mulaw", "audio/x-l16": "l16" },
  fallback: { encoding: "mulaw", sampleRate: 8_000 },
  sampleRates: [8_000, 16_000],
  reordering: 0,
  audio: { event: "playAudio", described: true },
  mark: { event: "checkpoint", echo: "playedStream", nested: false },
  clear: "clearAudio",
  addressed: true,
  leadMs: 400
}

/**
 * @category constants
 * @since 0.1.0
 */
export const protocol: MediaProtocol = MediaStream.make(dialect)
