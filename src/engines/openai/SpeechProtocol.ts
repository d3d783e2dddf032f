/**
 * The codec of OpenAI's speech endpoint (`POST /v1/audio/speech`). Pure.
 *
 * The answer to `response_format: "pcm"` is the audio itself, as it is made: 24 kHz, signed 16 bit, little-endian.
 *
 * @since 0.1.0
 */
import type { CodeKinds } from "../../wire/VendorError.ts"

/**
 * The rate of their PCM, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLE_RATE = 24_000

/**
 * What one request may hold, in characters.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT = 4_096

/**
 * How a text is to be spoken.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechSettings {
  readonly model: string
  readonly voice: string
  readonly instructions?: string | undefined
  readonly speed?: number | undefined
}

/**
 * The body of a request for a text.
 *
 * @category encoding
 * @since 0.1.0
 */
export const bodyOf = ({ instructions, model, speed, voice }: SpeechSettings, text: string) => ({
  model,
  voice,
  input: text,
  response_format: "pcm",
  stream_format: "audio",
  ...(instructions === undefined ? {} : { instructions }),
  ...(speed === undefined ? {} : { speed })
})

/**
 * What their codes mean where the status says less: a 429 is an exhausted account, too.
 *
 * @category constants
 * @since 0.1.0
 */
export const codeKinds: CodeKinds = { insufficient_quota: "quota", billing_hard_limit_reached: "quota" }
