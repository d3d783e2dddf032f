/**
 * Twilio Media Streams (`<Connect><Stream>`): µ-law at 8 kHz, both ways.
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
  name: "twilio",
  streamId: "streamSid",
  sequence: "sequenceNumber",
  start: {
    callId: "callSid",
    account: "accountSid",
    parameters: "customParameters",
    mediaFormat: "mediaFormat",
    sampleRate: "sampleRate"
  },
  encodings: { "audio/x-mulaw": "mulaw" },
  fallback: { encoding: "mulaw", sampleRate: 8_000 },
  sampleRates: [],
  reordering: 0,
  audio: { event: "media", described: false },
  mark: { event: "mark", echo: "mark", nested: true },
  clear: "clear",
  addressed: true,
  leadMs: 400
}

/**
 * @category constants
 * @since 0.1.0
 */
export const protocol: MediaProtocol = MediaStream.make(dialect)
