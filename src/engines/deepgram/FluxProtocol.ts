/**
 * The codec of Deepgram Flux, `wss://…/v2/listen`: recognition that ends turns. Pure.
 *
 * A turn runs `StartOfTurn` → (`EagerEndOfTurn` → `TurnResumed`)* → `EndOfTurn`, with `Update`s between; each message has the
 * words of the whole turn.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import { codeOf } from "../../wire/VendorError.ts"
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"

const TurnInfo = Schema.Struct({
  type: Schema.Literal("TurnInfo"),
  event: Schema.String,
  transcript: Schema.String,
  end_of_turn_confidence: Schema.optional(Schema.Finite),
  languages: Schema.optional(Schema.Array(Schema.String)),
  words: Schema.optional(Schema.Array(Schema.Struct({
    word: Schema.String,
    confidence: Schema.optional(Schema.Finite),
    start: Schema.optional(Schema.Finite),
    end: Schema.optional(Schema.Finite)
  })))
})

const Failure = Schema.Struct({
  type: Schema.Literal("Error"),
  code: Schema.optional(Schema.String),
  description: Schema.optional(Schema.String)
})

const decodeTurn = Schema.decodeUnknownOption(TurnInfo)
const decodeFailure = Schema.decodeUnknownOption(Failure)

/**
 * The codec of one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): SttProtocol.SttProtocol => ({
  waitsForReady: true,
  audio: SttProtocol.bytes,
  finalize: () => JSON.stringify({ type: "ForceEndTurn" }),
  closeMessage: JSON.stringify({ type: "CloseStream" }),
  receive: (text) => {
    const message = Json.parseRecord(text)
    if (message?.["type"] === "Connected") return [{ _tag: "Ready" }]
    const failure = decodeFailure(message)
    if (failure._tag === "Some") {
      const { code, description } = failure.value
      return [{ _tag: "Failed", fault: { kind: "failed", code: codeOf(code), text: description } }]
    }
    const turn = decodeTurn(message)
    if (turn._tag === "None") return []
    const { end_of_turn_confidence: confidence, event, languages, transcript, words = [] } = turn.value
    if (event !== "EndOfTurn") return [{ _tag: "Interim", text: transcript }]
    const timed = words.flatMap(({ confidence, end, start, word }) =>
      start === undefined || end === undefined
        ? []
        : [{ text: word, startMs: start * 1_000, endMs: end * 1_000, confidence }]
    )
    return [
      {
        _tag: "Final",
        text: transcript,
        language: languages?.[0],
        ...(timed.length === words.length && timed.length > 0 ? { words: timed } : {})
      },
      // `ForceEndTurn` ends a turn in the same way
      { _tag: "EndOfTurn", confidence },
      { _tag: "Finalized" }
    ]
  }
})
