/**
 * The codec of ElevenLabs Scribe, `wss://…/v1/speech-to-text/realtime`. Pure.
 *
 * The vendor does not decide turns: with `commit_strategy=manual` it commits the words when it is asked to.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import { type CodeKinds, kindOfCode } from "../../wire/VendorError.ts"
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
/** The message types that are failures. */
const kinds: CodeKinds = {
  auth_error: "authentication",
  quota_exceeded: "quota",
  rate_limited: "rate",
  resource_exhausted: "rate",
  queue_overflow: "rate",
  invalid_request: "input",
  input_error: "input",
  chunk_size_exceeded: "input",
  unaccepted_terms: "input",
  unaccepted_terms_error: "input",
  error: "failed",
  transcriber_error: "failed",
  session_time_limit_exceeded: "failed"
}

/**
 * The codec of one connection, at `sampleRate` (in Hz).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (sampleRate: number): SttProtocol.SttProtocol => {
  const message = (audio: string, commit: boolean) =>
    JSON.stringify({ message_type: "input_audio_chunk", audio_base_64: audio, commit, sample_rate: sampleRate })
  return {
    waitsForReady: true,
    audio: (pcm) => message(SttProtocol.base64(pcm), false),
    finalize: () => message("", true),
    receive: (frame) => {
      const parsed = Json.parseRecord(frame)
      const type = parsed?.["message_type"]
      if (parsed === undefined || typeof type !== "string") return []
      if (type === "session_started") return [{ _tag: "Ready" }]
      // too little audio to commit, or a commit too soon after the last: there are no words
      if (type === "commit_throttled" || type === "insufficient_audio_activity") return [{ _tag: "Finalized" }]
      const kind = kindOfCode(kinds, type)
      const text = parsed["error"]
      if (kind !== undefined) {
        return [{ _tag: "Failed", fault: { kind, code: type, text: typeof text === "string" ? text : undefined } }]
      }
      const transcript = decode(parsed)
      if (transcript._tag === "None") return []
      const { language_code: language, words } = transcript.value
      switch (type) {
        case "partial_transcript":
          return [{ _tag: "Interim", text: transcript.value.text }]
        // `committed_transcript`, the same without times, comes before it and is ignored
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
