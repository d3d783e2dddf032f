/**
 * Telnyx Media Streaming over WebSockets with `stream_bidirectional_mode: rtp`: G.711 at 8 kHz, or PCM at 8 to 48 kHz. The order of
 * chunks is not guaranteed.
 *
 * @since 0.1.0
 */
import type { MediaFormat, MediaProtocol } from "../MediaProtocol.ts"
import * as MediaStream from "./MediaStream.ts"
import type { MediaStreamDialect } from "./MediaStreamDialect.ts"

/**
 * @category constants
 * @since 0.1.0
 */
export const dialect: MediaStreamDialect = {
  name: "telnyx",
  streamId: "stream_id",
  sequence: "sequence_number",
  start: {
    callId: "call_control_id",
    account: "user_id",
    from: "from",
    to: "to",
    parameters: "custom_parameters",
    mediaFormat: "media_format",
    sampleRate: "sample_rate"
  },
  encodings: { pcmu: "mulaw", pcma: "alaw", l16: "l16" },
  fallback: { encoding: "mulaw", sampleRate: 8_000 },
  sampleRates: [8_000, 16_000, 22_050, 24_000, 48_000],
  reordering: 5,
  audio: { event: "media", described: false },
  mark: { event: "mark", echo: "mark", nested: true },
  clear: "clear",
  addressed: false,
  leadMs: 400
}

/**
 * `output` is what was asked for as `stream_bidirectional_codec` and `_sampling_rate`. Default: as the caller's audio.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (output?: MediaFormat): MediaProtocol => MediaStream.make(dialect, { output })

/**
 * @category constants
 * @since 0.1.0
 */
export const protocol: MediaProtocol = make()
