/**
 * OpenAI's realtime transcription, `wss://…/v1/realtime?intent=transcription`: messages to what they mean. Pure.
 *
 * Turns are not the vendor's to decide (`turn_detection: null`): the words of a piece of audio come when it is committed.
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

/**
 * What the vendor takes, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLE_RATE = 24_000

const Event = Schema.Struct({
  type: Schema.String,
  item_id: Schema.optional(Schema.String),
  delta: Schema.optional(Schema.String),
  transcript: Schema.optional(Schema.String),
  error: Schema.optional(Schema.Struct({
    type: Schema.optional(Schema.NullOr(Schema.String)),
    code: Schema.optional(Schema.NullOr(Schema.String)),
    message: Schema.optional(Schema.String)
  }))
})

const decode = Schema.decodeUnknownOption(Event)
const vendor = "openai"
const op = "SpeechToText.events"
/** Items whose words are under way; more come of no user. */
const MAX_ITEMS = 64

interface Fault {
  readonly type?: string | null | undefined
  readonly code?: string | null | undefined
  readonly message?: string | undefined
}

/**
 * The failure that an error of the vendor's is.
 *
 * @category conversions
 * @since 0.1.0
 */
export const failureOf = ({ code, message = "it failed", type }: Fault): BackendError => {
  const details = { vendor, ...(typeof code === "string" ? { reason: code } : {}) }
  const text = `openai: ${message.slice(0, 200)}`
  switch (code) {
    case "invalid_api_key":
      return new AuthenticationFailed({ op, message: "openai does not take the key", details })
    case "insufficient_quota":
      return new AuthorizationFailed({ op, message: text, details: { ...details, reason: "quota" } })
    case "rate_limit_exceeded":
      return new RateLimitExceeded({ op, message: text, details })
    default:
      return type === "invalid_request_error"
        ? new InvalidConfig({ op, message: text, details })
        : SttProtocol.failed(vendor, message.slice(0, 200), details)
  }
}

/**
 * The talk of one connection; `session` is what it asks for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (session: { readonly [key: string]: unknown }): SttProtocol.Talk => {
  /** The words so far of each item, in the order of the commits. */
  const items = new Map<string, string>()
  return {
    greeting: [JSON.stringify({ type: "session.update", session })],
    speaksFirst: true,
    audio: (pcm) => JSON.stringify({ type: "input_audio_buffer.append", audio: SttProtocol.base64(pcm) }),
    finalize: () => JSON.stringify({ type: "input_audio_buffer.commit" }),
    receive: (text) => {
      const decoded = decode(Json.parseRecord(text))
      if (decoded._tag === "None") return []
      const { delta = "", error, item_id: item = "", transcript = "", type } = decoded.value
      switch (type) {
        case "session.updated":
        case "transcription_session.updated":
          return [{ _tag: "Ready" }]
        case "input_audio_buffer.committed":
          if (items.size < MAX_ITEMS) items.set(item, "")
          return []
        case "conversation.item.input_audio_transcription.delta": {
          const words = (items.get(item) ?? "") + delta
          if (items.has(item) || items.size < MAX_ITEMS) items.set(item, words)
          return [{ _tag: "Interim", text: words.trim() }]
        }
        case "conversation.item.input_audio_transcription.completed":
          items.delete(item)
          return [{ _tag: "Final", text: transcript.trim() }, { _tag: "Finalized" }]
        case "conversation.item.input_audio_transcription.failed":
          return [{ _tag: "Failed", error: failureOf(error ?? {}) }]
        case "error":
          // there was no audio to speak of since the last commit
          if (error?.code === "input_audio_buffer_commit_empty") return [{ _tag: "Finalized" }]
          return [{ _tag: "Failed", error: failureOf(error ?? {}) }]
        default:
          return []
      }
    }
  }
}
