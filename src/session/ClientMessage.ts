/**
 * What a user's client may say besides audio.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Json from "../schema/Json.ts"

/**
 * - `user.text`: the user typed a turn.
 * - `agent.interrupt`: stop the agent now.
 * - `playout.position`: so much of that turn's audio has been played to the user.
 * - `session.end`: the user hangs up.
 * - `ping`: answered by a `pong` event.
 *
 * @category models
 * @since 0.1.0
 */
export const ClientMessage = Schema.Union([
  Schema.Struct({ type: Schema.Literal("user.text"), text: Schema.String.check(Schema.isMaxLength(16_384)) }),
  Schema.Struct({ type: Schema.Literal("agent.interrupt") }),
  Schema.Struct({
    type: Schema.Literal("playout.position"),
    turn: Schema.Natural,
    playedMs: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
  }).pipe(Schema.encodeKeys({ playedMs: "played_ms" })),
  Schema.Struct({ type: Schema.Literal("session.end") }),
  Schema.Struct({ type: Schema.Literal("ping") })
])

/**
 * @category models
 * @since 0.1.0
 */
export type ClientMessage = typeof ClientMessage.Type

const known = new Set(["user.text", "agent.interrupt", "playout.position", "session.end", "ping"])
const decodeMessage = Schema.decodeUnknownResult(ClientMessage)

/**
 * The largest text message that is looked at: 64 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 65_536

/**
 * What became of a text frame: a message, one of a type that we do not know (and ignore), or a fault in words.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed =
  | { readonly _tag: "Message"; readonly message: ClientMessage }
  | { readonly _tag: "Unknown"; readonly type: string }
  | { readonly _tag: "Malformed"; readonly reason: string }

const malformed = (reason: string): Parsed => ({ _tag: "Malformed", reason })

/**
 * Reads a JSON value. Never throws; the reason quotes nothing of what the user sent but the type.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (value: unknown): Parsed => {
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string") {
    return malformed("not an object with a string \"type\"")
  }
  if (!known.has(value.type)) return { _tag: "Unknown", type: value.type.slice(0, 64) }
  const result = decodeMessage(value)
  return result._tag === "Success"
    ? { _tag: "Message", message: result.success }
    : malformed(`a bad "${value.type}" message`)
}

/**
 * Reads a text frame, as `decode` does.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string): Parsed => {
  const value = Json.parse(text)
  return value === undefined ? malformed("not JSON") : decode(value)
}
