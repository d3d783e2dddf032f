/**
 * The codec of Deepgram's WebSocket for speech (`/v1/speak`): one text after another, audio in binary frames without a
 * name. Pure.
 *
 * After `Clear` the audio of the cleared text still comes, up to `Cleared`; a connection may flush 20 times in 60 s.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { codeOf, kindOfStatus } from "../../wire/VendorError.ts"
import { malformed, reader, type TtsMessage, type TtsProtocol } from "../hosted/tts/TtsProtocol.ts"

/** Their limit of `Flush` messages, and the time in ms that it holds for. */
const FLUSHES = 20
const WINDOW_MS = 60_000

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const read = reader(Schema.Struct({
  type: Schema.String,
  request_id: optional(Schema.String),
  code: optional(Schema.Unknown),
  err_code: optional(Schema.Unknown)
}))

/**
 * One connection's side of the protocol.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): TtsProtocol => {
  const flushes: Array<number> = []
  /** The texts that are being spoken, in order; cancelled ones end with `Cleared`. */
  let contexts: Array<string> = []
  let clearing = 0
  let requestId: string | undefined

  return {
    hasCapacity: (now) => {
      while (flushes[0] !== undefined && flushes[0] <= now - WINDOW_MS) flushes.shift()
      // one text at a time: `Clear` would take the others with it
      return flushes.length < FLUSHES && contexts.length === 0
    },
    speak: (context, text, now) => {
      flushes.push(now)
      contexts.push(context)
      return [JSON.stringify({ type: "Speak", text }), JSON.stringify({ type: "Flush" })]
    },
    cancel: (context) => {
      if (!contexts.includes(context)) return []
      contexts = []
      clearing++
      return [JSON.stringify({ type: "Clear" })]
    },
    receive: (frame): ReadonlyArray<TtsMessage> => {
      const [context] = contexts
      if (typeof frame !== "string") {
        if (clearing > 0 || context === undefined || frame.length === 0) return []
        return [{ _tag: "Audio", context, bytes: frame }]
      }
      const message = read(frame)
      if (message === undefined) return [malformed]
      switch (message.type) {
        case "Metadata":
          requestId = message.request_id ?? requestId
          return requestId === undefined ? [] : [{ _tag: "Identified", requestId }]
        case "Cleared":
          clearing = Math.max(0, clearing - 1)
          return []
        case "Flushed":
          if (clearing > 0 || context === undefined) return []
          contexts.shift()
          return [{ _tag: "Done", context }]
        case "Error": {
          const code = codeOf(message.err_code ?? message.code)
          const status = typeof message.code === "number" ? message.code : undefined
          return [{
            _tag: "Failed",
            fault: { kind: status === undefined ? "failed" : kindOfStatus(status), code, status, requestId }
          }]
        }
        default:
          return []
      }
    }
  }
}
