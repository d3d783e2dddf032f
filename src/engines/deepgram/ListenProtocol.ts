/**
 * Deepgram's streaming recognition, `wss://…/v1/listen`: messages to what they mean. Pure.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"

const Word = Schema.Struct({
  word: Schema.String,
  start: Schema.Finite,
  end: Schema.Finite,
  confidence: Schema.optional(Schema.Finite),
  punctuated_word: Schema.optional(Schema.String)
})

const Results = Schema.Struct({
  type: Schema.Literal("Results"),
  is_final: Schema.optional(Schema.Boolean),
  from_finalize: Schema.optional(Schema.Boolean),
  channel: Schema.Struct({
    alternatives: Schema.Array(Schema.Struct({
      transcript: Schema.String,
      confidence: Schema.optional(Schema.Finite),
      languages: Schema.optional(Schema.Array(Schema.String)),
      words: Schema.optional(Schema.Array(Word))
    }))
  })
})

const decode = Schema.decodeUnknownOption(Results)

/**
 * Deepgram closes a line that brings neither audio nor this for 10 s, and answers nothing to it.
 */
const KEEP_ALIVE = { every: Duration.seconds(4), message: JSON.stringify({ type: "KeepAlive" }) }

/**
 * The talk of one connection. Interim words are those since the last that are final, as Deepgram's own are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SttProtocol.Talk => ({
  audio: SttProtocol.bytes,
  finalize: () => JSON.stringify({ type: "Finalize" }),
  keepAlive: KEEP_ALIVE,
  farewell: JSON.stringify({ type: "CloseStream" }),
  receive: (text) => {
    const results = decode(Json.parseRecord(text))
    if (results._tag === "None") return []
    const { channel, from_finalize: fromFinalize, is_final: isFinal } = results.value
    const best = channel.alternatives[0]
    const heard: Array<SttProtocol.Heard> = []
    if (best !== undefined && isFinal !== true) heard.push({ _tag: "Interim", text: best.transcript })
    if (best !== undefined && isFinal === true) {
      heard.push({
        _tag: "Final",
        text: best.transcript,
        confidence: best.confidence,
        language: best.languages?.[0],
        words: best.words?.map(({ confidence, end, punctuated_word: punctuated, start, word }) => ({
          text: punctuated ?? word,
          startMs: start * 1_000,
          endMs: end * 1_000,
          confidence
        }))
      })
    }
    if (fromFinalize === true) heard.push({ _tag: "Finalized" })
    return heard
  }
})
