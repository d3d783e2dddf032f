/**
 * The messages that a user's client may send beside audio.
 *
 * These schemas are the one source of the wire format: `effect-voice/client`, `/asyncapi.json` and `src/server/README.md`
 * are made from them and their descriptions.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as History from "../conversation/History.ts"
import * as Json from "../schema/Json.ts"
import * as JsonBytes from "../schema/JsonBytes.ts"

/**
 * The longest text of a typed turn, whichever way it comes: 16,384 characters, counted in UTF-16 code units as JavaScript does,
 * and 48 KiB of JSON, which only control characters exceed.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT_LENGTH = 16_384

/**
 * What is wrong with the length of the text of a typed turn, if anything.
 *
 * @category accessors
 * @since 0.1.0
 */
export const textFault = (text: string): string | undefined => {
  if (text.length > MAX_TEXT_LENGTH) return `text: at most ${MAX_TEXT_LENGTH.toLocaleString("en")} characters`
  return JsonBytes.fits(text, History.MAX_TEXT_BYTES)
    ? undefined
    : `text: at most ${History.MAX_TEXT_BYTES.toLocaleString("en")} bytes of JSON`
}

const Text = Schema.String.check(
  Schema.isMaxLength(MAX_TEXT_LENGTH),
  Schema.makeFilter((text) => textFault(text) ?? true)
)

const message = <const Type extends string, Fields extends Schema.Struct.Fields>(
  type: Type,
  description: string,
  fields: Fields
) => Schema.Struct({ type: Schema.Literal(type), ...fields }).annotate({ description })

const userText = message("user.text", "The user typed a turn; the agent answers aloud.", {
  text: Text.annotateKey({ description: "What the user typed. Characters are counted in UTF-16 code units." })
})
const agentInterrupt = message(
  "agent.interrupt",
  "Stop the agent's reply now. What may not be interrupted goes on, and an `error` with `details.reason` `uninterruptible` follows.",
  {}
)
const playoutPosition = Schema.Struct({
  type: Schema.Literal("playout.position"),
  turn: Schema.Natural.annotateKey({ description: "The number of the turn." }),
  playedMs: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).annotateKey({
    description: "Milliseconds of the turn's audio that have left the loudspeaker."
  })
})
const userDtmf = message("user.dtmf", "The user has pressed a key; `dtmf.received` follows.", {
  digit: Schema.String.check(Schema.isPattern(/^[0-9*#A-D]$/, { expected: "one of 0 to 9, *, #, A to D" }))
    .annotateKey({ description: "`0` to `9`, `*`, `#`, or `A` to `D`." })
})
const sessionEnd = message("session.end", "The user hangs up; `session.ended` follows.", {})
const ping = message("ping", "Answered by `pong`.", {})

/**
 * @category models
 * @since 0.1.0
 */
export const ClientMessage = Schema.Union([
  userText,
  agentInterrupt,
  playoutPosition.pipe(
    Schema.encodeKeys({ playedMs: "played_ms" }),
    Schema.annotate({ description: "How much of a turn's audio the user has heard." })
  ),
  userDtmf,
  sessionEnd,
  ping
])

/**
 * @category models
 * @since 0.1.0
 */
export type ClientMessage = typeof ClientMessage.Type

const known: ReadonlySet<string> = new Set(
  [userText, agentInterrupt, playoutPosition, userDtmf, sessionEnd, ping].map(({ fields }) => fields.type.literal)
)
const decodeMessage = Schema.decodeUnknownResult(ClientMessage)

/**
 * The largest text message that is decoded: 64 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 65_536

/**
 * The result of decoding a text frame: a message, one of an unknown type (which is ignored), or what is wrong with it.
 *
 * @category models
 * @since 0.1.0
 */
export type ParseResult =
  | { readonly _tag: "Message"; readonly message: ClientMessage }
  | { readonly _tag: "Unknown"; readonly type: string }
  | { readonly _tag: "Malformed"; readonly reason: string }

const malformed = (reason: string): ParseResult => ({ _tag: "Malformed", reason })

/**
 * Decodes a JSON value. Never throws; the reason quotes nothing of what the user sent but the type.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (value: unknown): ParseResult => {
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") {
    return malformed("not an object with a string \"type\"")
  }
  if (!known.has(value.type)) return { _tag: "Unknown", type: value.type.slice(0, 64) }
  const fault = value.type === "user.text" && "text" in value && typeof value.text === "string"
    ? textFault(value.text)
    : undefined
  if (fault !== undefined) return malformed(`"user.text" with a ${fault}`)
  const result = decodeMessage(value)
  return result._tag === "Success"
    ? { _tag: "Message", message: result.success }
    : malformed(`invalid "${value.type}" message`)
}

/**
 * Decodes a text frame, as `decode` does.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string): ParseResult => {
  const value = Json.parse(text)
  return value === undefined ? malformed("not JSON") : decode(value)
}
