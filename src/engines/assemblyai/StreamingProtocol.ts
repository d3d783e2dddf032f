/**
 * The codec of AssemblyAI's Universal Streaming, `wss://…/v3/ws`. Pure.
 *
 * With formatted turns the end of a turn comes twice, first without and then with punctuation: the second counts.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Json from "../../schema/Json.ts"
import { type CodeKinds, kindOfCode, type VendorFault } from "../../wire/VendorError.ts"
import * as SttProtocol from "../hosted/stt/SttProtocol.ts"

const Turn = Schema.Struct({
  type: Schema.Literal("Turn"),
  turn_is_formatted: Schema.optional(Schema.Boolean),
  end_of_turn: Schema.Boolean,
  transcript: Schema.String,
  end_of_turn_confidence: Schema.optional(Schema.Finite),
  language_code: Schema.optional(Schema.NullOr(Schema.String)),
  words: Schema.optional(Schema.Array(Schema.Struct({
    text: Schema.String,
    start: Schema.Finite,
    end: Schema.Finite,
    confidence: Schema.optional(Schema.Finite)
  })))
})

const decode = Schema.decodeUnknownOption(Turn)
/**
 * What their close codes, which are the codes of their error messages too, mean.
 *
 * @category constants
 * @since 0.1.0
 */
export const closeKinds: CodeKinds = {
  4001: "authentication",
  4002: "quota",
  4003: "quota",
  4029: "rate",
  4102: "rate"
}

const faultOf = (message: Json.JsonRecord): VendorFault | undefined => {
  const text = message["error"]
  if (typeof text !== "string") return undefined
  const number = message["error_code"]
  const code = typeof number === "number" ? String(number) : undefined
  return { kind: kindOfCode(closeKinds, code) ?? "failed", code, text }
}

/**
 * The codec of one connection. `formatted` is whether formatted turns were asked for; `nowMs` gives Unix time, in which the
 * vendor says when the session ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { formatted, nowMs }: { readonly formatted: boolean; readonly nowMs: () => number }
): SttProtocol.SttProtocol => ({
  waitsForReady: true,
  audio: SttProtocol.bytes,
  finalize: () => JSON.stringify({ type: "ForceEndpoint" }),
  closeMessage: JSON.stringify({ type: "Terminate" }),
  receive: (text) => {
    const message = Json.parseRecord(text)
    if (message === undefined) return []
    if (message["type"] === "Begin") {
      const expires = message["expires_at"]
      return typeof expires === "number"
        ? [{ _tag: "Ready" }, { _tag: "Expires", inMs: expires * 1_000 - nowMs() }]
        : [{ _tag: "Ready" }]
    }
    const fault = faultOf(message)
    if (fault !== undefined) return [{ _tag: "Failed", fault }]
    const turn = decode(message)
    if (turn._tag === "None") return []
    const { end_of_turn: isOver, end_of_turn_confidence: confidence, transcript, turn_is_formatted, words } = turn.value
    if (!isOver || (formatted && turn_is_formatted !== true)) return [{ _tag: "Interim", text: transcript }]
    return [
      {
        _tag: "Final",
        text: transcript,
        language: turn.value.language_code ?? undefined,
        words: words?.map(({ confidence, end, start, text }) => ({ text, startMs: start, endMs: end, confidence }))
      },
      { _tag: "EndOfTurn", confidence },
      { _tag: "Finalized" }
    ]
  }
})
