/**
 * OpenAI's speech endpoint (`POST /v1/audio/speech`): what is asked, and what a refusal means. Pure.
 *
 * The answer to `response_format: "pcm"` is the audio itself, as it is made: 24 kHz, signed 16 bit, little-endian.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { codeOf, kindOfStatus, reader, type VoiceFault } from "../hosted/tts/TtsProtocol.ts"

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

const read = reader(Schema.Struct({
  error: Schema.Struct({
    code: Schema.optionalKey(Schema.NullOr(Schema.Unknown)),
    type: Schema.optionalKey(Schema.NullOr(Schema.Unknown))
  })
}))

/**
 * What an answer that is no audio means: its status, and the code in its body, which tells a spent account from haste.
 *
 * @category decoding
 * @since 0.1.0
 */
export const faultOf = (status: number, body: string, requestId: string | undefined): VoiceFault => {
  const error = read(body)?.error
  const code = codeOf(error?.code) ?? codeOf(error?.type)
  const kind = code === "insufficient_quota" || code === "billing_hard_limit_reached" ? "quota" : kindOfStatus(status)
  return { kind, code, status, requestId }
}
