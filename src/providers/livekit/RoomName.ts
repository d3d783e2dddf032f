/**
 * Which room a session is in, and whose session it is.
 *
 * A room of its own is named by the session's id. `connection_url` may name another: `livekit:<room>` where the config
 * allows it; and what the provider itself writes for somebody who has joined a room is sealed with the backend's key, since
 * whoever may create sessions could write it too.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHmac, timingSafeEqual } from "node:crypto"
import type { LinkedSession } from "../../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../../BackendError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomTarget {
  readonly room: string
  /** The user whom the session is for. */
  readonly identity: string
  /** The room was made for the session, and goes with it. */
  readonly owned: boolean
  /** The user is in the room already, with a token of somebody else's. */
  readonly userJoined: boolean
}

const SCHEME = "livekit:"
const MAX_NAME = 256
const op = "LiveKitProvider.open"

const Sealed = Schema.fromJsonString(Schema.Struct({ room: Schema.String, identity: Schema.String }))
const decodeSealed = Schema.decodeUnknownOption(Sealed)

const signature = (key: Redacted.Redacted<string>, text: string): Buffer =>
  createHmac("sha256", Redacted.value(key)).update(`effect-voice/livekit/room\n${text}`).digest()

/**
 * Where somebody is who has joined a room, as a `connectionUrl` that nobody else can write.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seal = (key: Redacted.Redacted<string>, where: { readonly room: string; readonly identity: string }) => {
  const text = Buffer.from(JSON.stringify({ room: where.room, identity: where.identity })).toString("base64url")
  return `${SCHEME}/${text}.${signature(key, text).toString("base64url")}`
}

const unseal = (key: Redacted.Redacted<string>, sealed: string) => {
  const [text = "", mac = ""] = sealed.split(".")
  const given = Buffer.from(mac, "base64url")
  const right = signature(key, text)
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
  const decoded = decodeSealed(Buffer.from(text, "base64url").toString())
  return decoded._tag === "Some" ? decoded.value : undefined
}

const refuse = (message: string) => Effect.fail(new InvalidConfig({ op, message, details: { path: "connection_url" } }))

/**
 * The room of a session. Fails `invalid_config` for a `connectionUrl` that is none of ours, or not allowed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  { config: { connectionUrl, userId }, id }: Pick<LinkedSession, "id" | "config">,
  options: {
    readonly key: Redacted.Redacted<string>
    readonly prefix: string
    readonly namedRooms: boolean
  }
): Effect.Effect<RoomTarget, InvalidConfig> => {
  if (connectionUrl === undefined || connectionUrl === "") {
    return Effect.succeed({ room: `${options.prefix}${id}`, identity: userId, owned: true, userJoined: false })
  }
  if (!connectionUrl.startsWith(SCHEME)) return refuse("connection_url: expected livekit:<room>, or none")
  const name = connectionUrl.slice(SCHEME.length)
  if (name.startsWith("/")) {
    const found = unseal(options.key, name.slice(1))
    return found === undefined
      ? refuse("connection_url: this is not one that the provider has written")
      : Effect.succeed({ ...found, owned: false, userJoined: true })
  }
  if (!options.namedRooms) {
    return refuse("connection_url: a session may name its room only where provider_config.named_rooms is true")
  }
  return name === "" || name.length > MAX_NAME
    ? refuse(`connection_url: expected a room's name of 1 to ${MAX_NAME} characters after livekit:`)
    : Effect.succeed({ room: name, identity: userId, owned: false, userJoined: false })
}

/**
 * The identity of a session's agent, and the way back: whoever finds an agent in a room knows its session.
 *
 * @category constants
 * @since 0.1.0
 */
export const agentIdentity = (session: string): string => `agent-${session}`

const AGENT = /^agent-(ses_[0-9a-z]+)$/

/**
 * @category accessors
 * @since 0.1.0
 */
export const sessionOfAgent = (identity: string): string | undefined => AGENT.exec(identity)?.[1]

/**
 * Whether a room's name is one of the patterns, in which `*` stands for any characters.
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
