/**
 * AssemblyAI's Universal Streaming, `wss://…/v3/ws`: messages to what they mean. Pure.
 *
 * With formatted turns the end of a turn is told twice, first without and then with punctuation: the second counts.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { AuthenticationFailed, AuthorizationFailed, type BackendError, RateLimitExceeded } from "../../BackendError.ts"
import * as Json from "../../schema/Json.ts"
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
const vendor = "assemblyai"
const op = "SpeechToText.connect"

/**
 * What a close code means. https://www.assemblyai.com/docs/speech-to-text/universal-streaming
 *
 * @category conversions
 * @since 0.1.0
 */
export const closed = (code: number, reason: string): BackendError => {
  const details = { vendor, closeCode: code }
  switch (code) {
    case 4001:
      return new AuthenticationFailed({ op, message: "assemblyai does not take the key", details })
    case 4002:
    case 4003:
      return new AuthorizationFailed({
        op,
        message: "assemblyai: the account has nothing left to pay with",
        details: { ...details, reason: "quota" }
      })
    case 4029:
    case 4102:
      return new RateLimitExceeded({ op, message: "assemblyai: too many streams at once", details })
    default:
      return SttProtocol.lost(vendor, code, reason)
  }
}

const failureOf = (message: { readonly [key: string]: unknown }): BackendError | undefined => {
  const text = message["error"]
  if (typeof text !== "string") return undefined
  const code = message["error_code"]
  return typeof code === "number" && code >= 4_000 && code < 5_000
    ? closed(code, text.slice(0, 200))
    : SttProtocol.failed(vendor, text.slice(0, 200), typeof code === "number" ? { errorCode: code } : {})
}

/**
 * The talk of one connection. `formatted` is whether formatted turns were asked for; `now` gives Unix time in ms, in which the
 * vendor tells when the session ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { formatted, now }: { readonly formatted: boolean; readonly now: () => number }
): SttProtocol.Talk => ({
  speaksFirst: true,
  audio: SttProtocol.bytes,
  finalize: () => JSON.stringify({ type: "ForceEndpoint" }),
  farewell: JSON.stringify({ type: "Terminate" }),
  receive: (text) => {
    const message = Json.parseRecord(text)
    if (message === undefined) return []
    if (message["type"] === "Begin") {
      const expires = message["expires_at"]
      return typeof expires === "number"
        ? [{ _tag: "Ready" }, { _tag: "Expires", inMs: expires * 1_000 - now() }]
        : [{ _tag: "Ready" }]
    }
    const error = failureOf(message)
    if (error !== undefined) return [{ _tag: "Failed", error }]
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
