/**
 * ElevenLabs Scribe, `wss://…/v1/speech-to-text/realtime`: messages to what they mean. Pure.
 *
 * Turns are not the vendor's to decide: with `commit_strategy=manual` it commits the words when it is asked to.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  AuthenticationFailed,
  AuthorizationFailed,
  type BackendError,
  InvalidConfig,
  RateLimitExceeded
} from "../../BackendError.ts"
import * as Json from "../../schema/Json.ts"
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"

const Transcript = Schema.Struct({
  message_type: Schema.String,
  text: Schema.String,
  language_code: Schema.optional(Schema.NullOr(Schema.String)),
  words: Schema.optional(Schema.Array(Schema.Struct({
    text: Schema.String,
    start: Schema.optional(Schema.NullOr(Schema.Finite)),
    end: Schema.optional(Schema.NullOr(Schema.Finite)),
    type: Schema.optional(Schema.String)
  })))
})

const decode = Schema.decodeUnknownOption(Transcript)
const vendor = "elevenlabs"
const op = "SpeechToText.events"

/**
 * The failure that a message type of the vendor's is, if it is one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const failureOf = (type: string, text: string): BackendError | undefined => {
  const details = { vendor, reason: type }
  switch (type) {
    case "auth_error":
      return new AuthenticationFailed({ op, message: "elevenlabs does not take the key", details })
    case "quota_exceeded":
      return new AuthorizationFailed({
        op,
        message: "elevenlabs: the account has nothing left to pay with",
        details: { ...details, reason: "quota" }
      })
    case "rate_limited":
    case "resource_exhausted":
    case "queue_overflow":
      return new RateLimitExceeded({ op, message: "elevenlabs: too much at once", details })
    case "invalid_request":
    case "input_error":
    case "chunk_size_exceeded":
    case "unaccepted_terms":
    case "unaccepted_terms_error":
      return new InvalidConfig({ op, message: `elevenlabs: ${text}`, details })
    case "error":
    case "transcriber_error":
    case "session_time_limit_exceeded":
      return SttProtocol.failed(vendor, text, { reason: type })
    default:
      return undefined
  }
}

/**
 * The talk of one connection, at `sampleRate` (in Hz).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (sampleRate: number): SttProtocol.Talk => {
  const message = (audio: string, commit: boolean) =>
    JSON.stringify({ message_type: "input_audio_chunk", audio_base_64: audio, commit, sample_rate: sampleRate })
  return {
    speaksFirst: true,
    audio: (pcm) => message(SttProtocol.base64(pcm), false),
    finalize: () => message("", true),
    receive: (text) => {
      const parsed = Json.parseRecord(text)
      const type = parsed?.["message_type"]
      if (parsed === undefined || typeof type !== "string") return []
      if (type === "session_started") return [{ _tag: "Ready" }]
      // there was too little to commit, or it was asked for too soon: there are no words
      if (type === "commit_throttled" || type === "insufficient_audio_activity") return [{ _tag: "Finalized" }]
      const said = parsed["error"]
      const error = failureOf(type, typeof said === "string" ? said.slice(0, 200) : "it failed")
      if (error !== undefined) return [{ _tag: "Failed", error }]
      const transcript = decode(parsed)
      if (transcript._tag === "None") return []
      const { language_code: language, words } = transcript.value
      switch (type) {
        case "partial_transcript":
          return [{ _tag: "Interim", text: transcript.value.text }]
        // the same without times comes before it, and is passed over
        case "committed_transcript_with_timestamps":
          return [
            {
              _tag: "Final",
              text: transcript.value.text,
              language: language ?? undefined,
              words: words?.flatMap(({ end, start, text, type }) =>
                type === "spacing" || typeof start !== "number" || typeof end !== "number"
                  ? []
                  : [{ text: text.trim(), startMs: start * 1_000, endMs: end * 1_000 }]
              )
            },
            { _tag: "Finalized" }
          ]
        default:
          return []
      }
    }
  }
}
