/**
 * The text messages of Vonage's WebSocket: what it says, and what it is told.
 *
 * https://developer.vonage.com/en/voice/voice-api/concepts/websockets
 *
 * @since 0.1.0
 */
import { parseRecord } from "../../schema/Json.ts"

/**
 * A message from Vonage.
 *
 * - `Connected`: the first one, with the format of the audio and the headers that the NCCO has given.
 * - `Digit`: a key of the caller's keypad.
 * - `Cleared`: what was not played has been dropped.
 * - `Notified`: what came before a `notify` of this name has been played.
 * - `Other`: an event that is nothing to us.
 *
 * @category models
 * @since 0.1.0
 */
export type VonageMessage =
  | {
    readonly _tag: "Connected"
    readonly contentType: string
    readonly headers: { readonly [name: string]: string }
  }
  | { readonly _tag: "Digit"; readonly digit: string }
  | { readonly _tag: "Cleared" }
  | { readonly _tag: "Notified"; readonly name: string }
  | { readonly _tag: "Other" }

/**
 * The longest text message that is parsed: 16 KiB. Vonage's headers take 512 bytes each at most.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT_BYTES = 16_384

/** The rates that Vonage offers, in Hz. */
const FORMAT = /^audio\/l16\s*;\s*rate=(8000|16000|24000)$/iu
const DIGIT = /^[0-9*#A-D]$/u

const decoder = new TextDecoder()

const textOf = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined

const headersOf = (message: { readonly [key: string]: unknown }): { readonly [name: string]: string } =>
  Object.fromEntries(
    Object.entries(message).flatMap(([name, value]) => {
      const text = name === "event" || name === "content-type" ? undefined : textOf(value)
      return text === undefined ? [] : [[name, text]]
    })
  )

/**
 * Reads a text message; a string says what is wrong with it, and quotes nothing of it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (data: Uint8Array): VonageMessage | string => {
  if (data.length > MAX_TEXT_BYTES) return `text message of more than ${MAX_TEXT_BYTES} bytes`
  const message = parseRecord(decoder.decode(data))
  if (message === undefined) return "text message that is no JSON object"
  switch (message["event"]) {
    case "websocket:connected": {
      const contentType = message["content-type"]
      return typeof contentType === "string"
        ? { _tag: "Connected", contentType, headers: headersOf(message) }
        : "websocket:connected without a content-type"
    }
    case "websocket:dtmf": {
      const digit = textOf(message["digit"])?.toUpperCase()
      return digit !== undefined && DIGIT.test(digit)
        ? { _tag: "Digit", digit }
        : "websocket:dtmf without a key of the keypad"
    }
    case "websocket:cleared":
      return { _tag: "Cleared" }
    case "websocket:notify": {
      const payload = message["payload"]
      const name = typeof payload === "object" && payload !== null && "mark" in payload ? payload.mark : undefined
      // one that was asked for by someone else who shares the call is none of ours
      return typeof name === "string" ? { _tag: "Notified", name } : { _tag: "Other" }
    }
    default:
      return typeof message["event"] === "string" ? { _tag: "Other" } : "text message without an event"
  }
}

/**
 * The rate of a content type, in Hz; `undefined` when Vonage offers no such audio.
 *
 * @category decoding
 * @since 0.1.0
 */
export const rateOf = (contentType: string): number | undefined => {
  const rate = FORMAT.exec(contentType.trim())?.[1]
  return rate === undefined ? undefined : Number(rate)
}

/**
 * Drops what has not been played; answered by `websocket:cleared`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const CLEAR = JSON.stringify({ action: "clear" })

/**
 * Asks to be told when everything before has been played; answered by `websocket:notify` with the same payload.
 *
 * @category encoding
 * @since 0.1.0
 */
export const notify = (name: string): string => JSON.stringify({ action: "notify", payload: { mark: name } })
