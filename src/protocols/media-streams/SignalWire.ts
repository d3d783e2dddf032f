/**
 * SignalWire's media streams of cXML: Twilio's messages, with µ-law at 8 kHz, or little-endian PCM where `<Stream>` asks for
 * `codec="L16@24000h"` (or another of its rates). Beyond a second ahead its queue drops audio.
 *
 * @since 0.1.0
 */
import type { MediaProtocol } from "../MediaProtocol.ts"
import * as MediaStream from "./MediaStream.ts"
import type { MediaStreamDialect } from "./MediaStreamDialect.ts"
import * as Twilio from "./Twilio.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const dialect: MediaStreamDialect = {
  ...Twilio.dialect,
  name: "signalwire",
  encodings: {
    "audio/x-mulaw": "mulaw",
    pcmu: "mulaw",
    "audio/x-alaw": "alaw",
    pcma: "alaw",
    "audio/x-l16": "l16",
    "audio/l16": "l16",
    l16: "l16"
  },
  sampleRates: [8_000, 16_000, 24_000, 48_000],
  leadMs: 400
}

/**
 * @category constants
 * @since 0.1.0
 */
export const protocol: MediaProtocol = MediaStream.make(dialect)
