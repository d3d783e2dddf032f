/**
 * The room and the user of a session.
 *
 * By default a session has its own room, named after its id. `connection_url` can name another one: `livekit:<room>`, if the
 * config allows it. For a participant who has joined a room, the provider itself writes a `connection_url` that is signed
 * with the backend's key, so that clients that create sessions cannot forge it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHmac, timingSafeEqual } from "node:crypto"
import type { LinkedSession } from "../../../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../../../BackendError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomTarget {
  readonly room: string
  /** The session's user; `undefined` for a session that was dispatched into a room before anybody was in it. */
  readonly identity: string | undefined
  /** The room was created for the session, and is deleted with it. */
  readonly owned: boolean
  /** The user has joined the room already, with a token of the application. */
  readonly userJoined: boolean
}

const SCHEME = "livekit:"
/**
 * The longest name of a room, identity and name of a participant: 256 bytes of UTF-8, the defaults of livekit-server's `limit`.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_NAME_BYTES = 256
const op = "LiveKitProvider.open"

const Sealed = Schema.fromJsonString(
  Schema.Struct({ room: Schema.String, identity: Schema.optionalKey(Schema.String) })
)
const decodeSealed = Schema.decodeUnknownOption(Sealed)

const signature = (key: Redacted.Redacted<string>, text: string): Buffer =>
  createHmac("sha256", Redacted.value(key)).update(`effect-voice/livekit/room\n${text}`).digest()

/**
 * Makes a signed `connectionUrl` for a participant who has joined a room, or, without one, for the first who does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seal = (
  key: Redacted.Redacted<string>,
  where: { readonly room: string; readonly identity?: string | undefined }
) => {
  const text = Buffer.from(JSON.stringify({ room: where.room, identity: where.identity })).toString("base64url")
  return `${SCHEME}/${text}.${signature(key, text).toString("base64url")}`
}

const unseal = (keys: ReadonlyArray<Redacted.Redacted<string>>, sealed: string) => {
  const [text = "", mac = ""] = sealed.split(".")
  const actual = Buffer.from(mac, "base64url")
  const isSigned = keys.some((key) => {
    const expected = signature(key, text)
    return actual.length === expected.length && timingSafeEqual(actual, expected)
  })
  if (!isSigned) return undefined
  const decoded = decodeSealed(Buffer.from(text, "base64url").toString())
  return decoded._tag === "Some" ? decoded.value : undefined
}

const refuse = (message: string, path = "connection_url") =>
  Effect.fail(new InvalidConfig({ op, message, details: { path } }))

/**
 * Whether LiveKit takes a name: it counts the bytes.
 *
 * @category predicates
 * @since 0.1.0
 */
export const fits = (name: string): boolean => Buffer.byteLength(name) <= MAX_NAME_BYTES

/**
 * Finds the room of a session. Fails `invalid_config` for a `connectionUrl` that is malformed, forged or not allowed, and for a
 * user or room whose name is too long for LiveKit.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  { config: { connectionUrl, userId }, id }: Pick<LinkedSession, "id" | "config">,
  options: {
    readonly key: Redacted.Redacted<string>
    /** Keys that the backend has signed with before. Default: none. */
    readonly formerKeys?: ReadonlyArray<Redacted.Redacted<string>> | undefined
    readonly prefix: string
    readonly namedRooms: boolean
  }
): Effect.Effect<RoomTarget, InvalidConfig> => {
  const tooLong = `user_id: expected at most ${MAX_NAME_BYTES} bytes, as LiveKit counts`
  if (connectionUrl === undefined || connectionUrl === "") {
    return !fits(userId)
      ? refuse(tooLong, "user_id")
      : Effect.succeed({ room: `${options.prefix}${id}`, identity: userId, owned: true, userJoined: false })
  }
  if (!connectionUrl.startsWith(SCHEME)) return refuse("connection_url: expected livekit:<room> or nothing")
  const name = connectionUrl.slice(SCHEME.length)
  if (name.startsWith("/")) {
    const found = unseal([options.key, ...(options.formerKeys ?? [])], name.slice(1))
    return found === undefined
      ? refuse("connection_url: invalid signature")
      : Effect.succeed({ room: found.room, identity: found.identity, owned: false, userJoined: true })
  }
  if (!options.namedRooms) {
    return refuse("connection_url: sessions can name a room only with provider_config.named_rooms: true")
  }
  if (!fits(userId)) return refuse(tooLong, "user_id")
  return name === "" || !fits(name)
    ? refuse(`connection_url: expected livekit: and a room name of 1 to ${MAX_NAME_BYTES} bytes, as LiveKit counts`)
    : Effect.succeed({ room: name, identity: userId, owned: false, userJoined: false })
}

/**
 * The identity of a session's agent in its room; `sessionOfAgent` gives the session of an identity.
 *
 * @category constants
 * @since 0.1.0
 */
export const agentIdentity = (session: string): string => `agent-${session}`

/**
 * The attribute of a participant for whom a session is over: the stay (`sid`) for which it is. Every process reads it.
 *
 * @category constants
 * @since 0.1.0
 */
export const SERVED_ATTRIBUTE = "effect-voice.served"

/**
 * The attribute of an agent that says whose session it is.
 *
 * @category constants
 * @since 0.1.0
 */
export const SESSION_ATTRIBUTE = "effect-voice.session"

/** With the name of the cell, where the id has one. */
const AGENT = /^agent-(ses_(?:[a-z0-9-]{1,32}_)?[0-9a-z]+)$/

/**
 * @category accessors
 * @since 0.1.0
 */
export const sessionOfAgent = (identity: string): string | undefined => AGENT.exec(identity)?.[1]

/**
 * Whether a room name matches one of the patterns, in which `*` stands for any characters.
 *
 * @category predicates
 * @since 0.1.0
 */
export const matches = (patterns: ReadonlyArray<string>, room: string): boolean =>
  patterns.some((pattern) => {
    const parts = pattern.split("*")
    const [first = "", ...rest] = parts
    if (rest.length === 0) return room === pattern
    if (!room.startsWith(first)) return false
    const last = rest.pop() ?? ""
    let at = first.length
    for (const part of rest) {
      const found = room.indexOf(part, at)
      if (found === -1) return false
      at = found + part.length
    }
    return room.length - last.length >= at && room.endsWith(last)
  })
