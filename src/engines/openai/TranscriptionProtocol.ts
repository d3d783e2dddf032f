/**
 * The codec of OpenAI's realtime transcription, `wss://…/v1/realtime?intent=transcription`. Pure.
 *
 * The vendor does not decide turns (`turn_detection: null`): the words of a piece of audio come when it is committed.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import { type CodeKinds, codeOf, kindOfCode, type VendorFault } from "../../wire/VendorError.ts"
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"

/**
 * What the vendor takes, in Hz.
 *
 * @category constants
 * @since 0.1.0
 */
export const SAMPLE_RATE = 24_000

const Fault = Schema.Struct({
  type: Schema.optional(Schema.NullOr(Schema.String)),
  code: Schema.optional(Schema.NullOr(Schema.String)),
  message: Schema.optional(Schema.String)
})

const Event = Schema.Struct({
  type: Schema.String,
  item_id: Schema.optional(Schema.String),
  delta: Schema.optional(Schema.String),
  transcript: Schema.optional(Schema.String),
  error: Schema.optional(Fault)
})

const decode = Schema.decodeUnknownOption(Event)
/** Items whose words are under way; no user makes more. */
const MAX_ITEMS = 64

const kinds: CodeKinds = {
  invalid_api_key: "authentication",
  insufficient_quota: "quota",
  rate_limit_exceeded: "rate"
}

const faultOf = ({ code, message, type }: typeof Fault.Type): VendorFault => ({
  kind: kindOfCode(kinds, code ?? undefined) ?? (type === "invalid_request_error" ? "input" : "failed"),
  code: codeOf(code),
  text: message
})

/**
 * The codec of one connection; `session` is what it asks for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (session: { readonly [key: string]: unknown }): SttProtocol.SttProtocol => {
  /** The words so far of each item, in the order of the commits. */
  const items = new Map<string, string>()
  return {
    openMessages: [JSON.stringify({ type: "session.update", session })],
    waitsForReady: true,
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
          return [{ _tag: "Failed", fault: faultOf(error ?? {}) }]
        case "error":
          // there was too little audio since the last commit
          if (error?.code === "input_audio_buffer_commit_empty") return [{ _tag: "Finalized" }]
          return [{ _tag: "Failed", fault: faultOf(error ?? {}) }]
        default:
          return []
      }
    }
  }
}
