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

/** The longest event that is parsed; a server closes the connection before more than 1 MiB of events wait. */
const MAX_EVENT_LENGTH = 1_048_576

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
 * Whether the server takes a message: a `user.text` is limited in characters, and every message in encoded bytes.
 *
 * @category guards
 * @since 0.1.0
 */
export const fitsMessage = (message: ClientMessage): boolean =>
  (message.type !== "user.text" || message.text.length <= MAX_TEXT_LENGTH) &&
  new TextEncoder().encode(JSON.stringify(message)).byteLength <= MAX_MESSAGE_BYTES

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
