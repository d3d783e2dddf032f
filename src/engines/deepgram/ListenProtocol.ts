/**
 * The codec of Deepgram's streaming recognition, `wss://…/v1/listen`. Pure.
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

/** Deepgram closes a connection on which neither audio nor this came for 10 s. It does not answer it. */
const KEEP_ALIVE = { every: Duration.seconds(4), message: JSON.stringify({ type: "KeepAlive" }) }

/**
 * The codec of one connection. Deepgram's interim words are those since the last final ones, as ours are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SttProtocol.SttProtocol => ({
  audio: SttProtocol.bytes,
  finalize: () => JSON.stringify({ type: "Finalize" }),
  keepAlive: KEEP_ALIVE,
  closeMessage: JSON.stringify({ type: "CloseStream" }),
  receive: (text) => {
    const results = decode(Json.parseRecord(text))
    if (results._tag === "None") return []
    const { channel, from_finalize: fromFinalize, is_final: isFinal } = results.value
    const best = channel.alternatives[0]
    const messages: Array<SttProtocol.SttMessage> = []
    if (best !== undefined && isFinal !== true) messages.push({ _tag: "Interim", text: best.transcript })
    if (best !== undefined && isFinal === true) {
      messages.push({
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
    if (fromFinalize === true) messages.push({ _tag: "Finalized" })
    return messages
  }
})
