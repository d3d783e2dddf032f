/**
 * The text messages of Asterisk's WebSocket channel (`chan_websocket`): what it says, and what it is told, as JSON or as plain
 * text (`control_message_format` of `chan_websocket.conf`; plain text is Asterisk's default).
 *
 * https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket
 *
 * @since 0.1.0
 */
import { parseRecord } from "../../schema/Json.ts"

/**
 * How Asterisk writes its control messages and wants ours.
 *
 * @category models
 * @since 0.1.0
 */
export type ControlFormat = "json" | "plain-text"

/**
 * A message from Asterisk.
 *
 * - `Started`: the first one. `variables` are the channel's, which only JSON has.
 * - `Digit`: a key of the caller's keypad.
 * - `Marked`: everything before the mark of this name has been played.
 * - `Flow`: whether it takes more audio now; it has 18 s of it when it does not, and 16 s when it does again.
 * - `Refused`: it could not do what it was told.
 * - `Other`: an event that is nothing to us.
 *
 * @category models
 * @since 0.1.0
 */
export type AsteriskMessage =
  | {
    readonly _tag: "Started"
    readonly controlFormat: ControlFormat
    readonly channelId: string
    readonly connectionId: string
    readonly format: string
    readonly frameBytes: number
    readonly variables: { readonly [name: string]: string }
  }
  | { readonly _tag: "Digit"; readonly digit: string }
  | { readonly _tag: "Marked"; readonly name: string }
  | { readonly _tag: "Flow"; readonly isAccepting: boolean }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Other" }

/**
 * The longest text message that is parsed: 64 KiB, which all variables of a channel fit into.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT_BYTES = 65_536

/** More variables than a channel of a call has. */
const MAX_VARIABLES = 200

const DIGIT = /^[0-9*#A-D]$/u

const decoder = new TextDecoder()

type Fields = { readonly [name: string]: unknown }

/** `EVENT name:value name:value`; an event without fields may have one word, an id. */
const plainFields = (text: string): Fields => {
  const [event = "", ...words] = text.trim().split(" ")
  const fields: Array<readonly [string, string]> = [["event", event]]
  for (const word of words) {
    const colon = word.indexOf(":")
    fields.push(colon === -1 ? ["correlation_id", word] : [word.slice(0, colon), word.slice(colon + 1)])
  }
  return Object.fromEntries(fields)
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

const variablesOf = (value: unknown): { readonly [name: string]: string } =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
      Object.entries(value).slice(0, MAX_VARIABLES).flatMap(([name, each]) =>
        typeof each === "string" ? [[name, each]] : []
      )
    )
    : {}

const messageOf = (fields: Fields, controlFormat: ControlFormat): AsteriskMessage | string => {
  switch (fields["event"]) {
    case "MEDIA_START":
      return {
        _tag: "Started",
        controlFormat,
        channelId: textOf(fields["channel_id"]),
        connectionId: textOf(fields["connection_id"]),
        format: textOf(fields["format"]),
        frameBytes: Number(fields["optimal_frame_size"]),
        variables: variablesOf(fields["channel_variables"])
      }
    case "DTMF_END": {
      const digit = textOf(fields["digit"]).toUpperCase()
      return DIGIT.test(digit) ? { _tag: "Digit", digit } : "DTMF_END without a key of the keypad"
    }
    case "MEDIA_MARK_PROCESSED":
      return { _tag: "Marked", name: textOf(fields["correlation_id"]) }
    case "MEDIA_XOFF":
      return { _tag: "Flow", isAccepting: false }
    case "MEDIA_XON":
      return { _tag: "Flow", isAccepting: true }
    case "ERROR":
      return { _tag: "Refused" }
    default:
      return /^[A-Z_]{1,64}$/u.test(textOf(fields["event"])) ? { _tag: "Other" } : "text message without an event"
  }
}

/**
 * Reads a text message in either form; a string says what is wrong with it, and quotes nothing of it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (data: Uint8Array): AsteriskMessage | string => {
  if (data.length > MAX_TEXT_BYTES) return `text message of more than ${MAX_TEXT_BYTES} bytes`
  const text = decoder.decode(data)
  if (!text.startsWith("{")) return messageOf(plainFields(text), "plain-text")
  const fields = parseRecord(text)
  return fields === undefined ? "text message that is no JSON object" : messageOf(fields, "json")
}

/**
 * Writes a command. Asterisk ignores one of more than 128 bytes, which leaves 80 for the id.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  format: ControlFormat,
  command: "MARK_MEDIA" | "FLUSH_MEDIA" | "HANGUP",
  id?: string
): string =>
  format === "json"
    ? JSON.stringify(id === undefined ? { command } : { command, correlation_id: id })
    : id === undefined
    ? command
    : `${command} ${id}`
