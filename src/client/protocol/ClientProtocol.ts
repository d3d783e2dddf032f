/**
 * Parses what the server sends, and checks what is sent to it.
 *
 * Pure: nothing here touches a socket, the DOM or the clock, so it runs in a browser, in a worklet and in Node. The same
 * JSON travels in WebSocket text frames, over the WebRTC data channel and in LiveKit rooms.
 *
 * @since 0.1.0
 */
import {
  type ClientMessage,
  eventFields,
  MAX_MESSAGE_BYTES,
  MAX_TEXT_BYTES,
  MAX_TEXT_LENGTH,
  type ServerEvent
} from "./WireProtocol.ts"
import { hasFields, isRecord } from "./WireShape.ts"

/**
 * An event that this client does not know, or whose fields are not those it knows: a newer server may send such.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownEvent {
  readonly type: "unknown"
  /** The event's own `type`. */
  readonly name: string
  /** The event as it came. */
  readonly raw: Readonly<Record<string, unknown>>
}

/**
 * Everything that the server may send.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerMessage = ServerEvent | UnknownEvent

/**
 * The longest event that is parsed, in UTF-16 code units; a server closes the connection before more than 1 MiB of events
 * wait.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_EVENT_LENGTH = 1_048_576

const isServerEvent = (body: Record<string, unknown>, type: string): body is Record<string, unknown> & ServerEvent =>
  isEventType(type) && hasFields(body, eventFields[type])

const isEventType = (type: string): type is keyof typeof eventFields => Object.hasOwn(eventFields, type)

/**
 * Parses one text message of the server. Returns `undefined` for what is not a message at all: no JSON object with a
 * string `type`, or more than 1 MiB. Fields that this client does not know are kept. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseServerMessage = (data: string): ServerMessage | undefined => {
  if (data.length > MAX_EVENT_LENGTH) return undefined
  const body = parseObject(data)
  const type = body?.["type"]
  if (body === undefined || typeof type !== "string") return undefined
  return isServerEvent(body, type) ? body : { type: "unknown", name: type, raw: body }
}

/**
 * Which limit of the server a message passes, as a sentence and for programs; `undefined` for none. A `user.text` is limited
 * in characters (UTF-16 code units) and in bytes of JSON, and every message in bytes.
 *
 * @category accessors
 * @since 0.1.0
 */
export const limitFault = (
  message: ClientMessage
): { readonly message: string; readonly details: { readonly limit: number; readonly unit: string } } | undefined => {
  if (message.type === "user.text") {
    if (message.text.length > MAX_TEXT_LENGTH) return tooLong(message.text.length, MAX_TEXT_LENGTH, "characters")
    const bytes = jsonBytes(message.text) - QUOTES
    if (bytes > MAX_TEXT_BYTES) return tooLong(bytes, MAX_TEXT_BYTES, "bytes of JSON")
  }
  const bytes = jsonBytes(message)
  return bytes > MAX_MESSAGE_BYTES ? tooLong(bytes, MAX_MESSAGE_BYTES, "bytes of JSON") : undefined
}

/** The server counts a text without its quotes. */
const QUOTES = 2

const jsonBytes = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).byteLength

const tooLong = (length: number, limit: number, unit: string) => ({
  message: `The text is too long: at most ${limit} ${unit}, and it has ${length}.`,
  details: { limit, unit }
})

/**
 * Whether the server takes a message.
 *
 * @category guards
 * @since 0.1.0
 */
export const fitsMessage = (message: ClientMessage): boolean => limitFault(message) === undefined

/**
 * Parses a JSON object; `undefined` for anything else.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseObject = (data: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(data)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
