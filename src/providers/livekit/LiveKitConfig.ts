/**
 * The `provider_config` of the LiveKit provider, completed from environment variables.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"
import * as EnvironmentVariable from "../../wire/EnvironmentVariable.ts"

const schemes = /^(?:wss?|https?):$/

/**
 * Whether a text is the URL of a server: of these schemes, without credentials, query and fragment.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isServerUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const { hash, hostname, password, protocol, search, username } = new URL(text)
  return schemes.test(protocol) && hostname !== "" && `${username}${password}${search}${hash}` === ""
}

const ServerUrl = Schema.String.check(
  Schema.isMaxLength(2_048),
  Schema.makeFilter(
    (url: string) => isServerUrl(url) || "expected wss://host, ws://host, https://host or http://host",
    {
      toJsonSchema: () => ({ pattern: "^(wss?|https?)://" })
    }
  )
)

const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))
/** LiveKit counts the bytes of names: 256, of which the id of a session takes some. */
const RoomPart = Name.check(
  Schema.makeFilter((name: string) => Buffer.byteLength(name) <= 192 || "expected at most 192 bytes", {
    toJsonSchema: () => ({})
  })
)
const AgentName = Name.check(
  Schema.makeFilter((name: string) => Buffer.byteLength(name) <= 256 || "expected at most 256 bytes", {
    toJsonSchema: () => ({})
  })
)

/**
 * Which participants of a room the agent hears.
 *
 * - `first`: the session's user only; the audio and messages of other participants are ignored.
 * - `mixed`: all participants, mixed.
 * - `addressed`: the participant who has the floor (push-to-talk): the RPC `start_turn` takes it, `end_turn` gives it back.
 *
 * @category models
 * @since 0.1.0
 */
export const Participants = Schema.Literals(["first", "mixed", "addressed"])

/**
 * @category models
 * @since 0.1.0
 */
export type Participants = typeof Participants.Type

/**
 * Sessions that start when a participant joins a room.
 *
 * - `rooms`: in which rooms; `*` stands for any characters. Default: all except those created for a session.
 *
 * @category models
 * @since 0.1.0
 */
export const Automatic = Schema.Struct({
  rooms: Schema.Array(Name).check(Schema.isMaxLength(100)).pipe(withDefault(["*"]))
})

/**
 * The sessions that LiveKit asks for: this process registers as an agent worker at the server.
 *
 * - `agentName`: the name that a dispatch asks for. Default: none, and LiveKit asks for an agent in every room.
 * - `type`: for what LiveKit asks: for a `room`, for each `participant` who joins, for each `publisher` of a track; one agent
 *   serves a room at a time. Default: `room`.
 * - `repairInterval`: how often the rooms are looked at for those that LiveKit has asked for in vain, or whose process has
 *   died; once in a cluster. From 1 s to 5 min. Default: 10 s.
 *
 * @category models
 * @since 0.1.0
 */
export const Dispatch = Schema.Struct({
  agentName: Schema.optionalKey(AgentName),
  type: Schema.Literals(["room", "participant", "publisher"]).pipe(withDefault("room")),
  repairInterval: boundedDuration("1 second", "5 minutes").pipe(withDefault("10s"))
}).pipe(encodeKeys({ agentName: "agent_name", repairInterval: "repair_interval" }))

/**
 * @category models
 * @since 0.1.0
 */
export type Dispatch = typeof Dispatch.Type

/**
 * - `url`: the URL of the LiveKit server, `wss://…`. Default: `LIVEKIT_URL`.
 * - `apiKey`: the API key. Default: `LIVEKIT_API_KEY`.
 * - `apiSecret`: the API secret, which signs tokens and requests. Default: `LIVEKIT_API_SECRET`.
 * - `publicUrl`: the URL that users' clients connect to. Default: `url`.
 * - `roomPrefix`: the prefix of the names of rooms that are created for a session; its id follows. Default: `voice-`.
 * - `namedRooms`: sessions can name the room that the agent joins: `connection_url: "livekit:<room>"`. Every client that can
 *   create sessions can then send the agent to any room. Default: no.
 * - `automatic`: a participant who joins a room starts a session there; needs LiveKit's webhook. Default: only the
 *   application creates sessions.
 * - `automatic.rooms`: in which rooms; `*` stands for any characters. Default: all except those created for a session.
 * - `dispatch`: LiveKit's agent dispatch starts sessions: no webhook is needed. Default: only the application does, and
 *   `automatic`.
 * - `dispatch.agentName`: the name that a dispatch asks for. Default: none, and LiveKit asks for an agent in every room.
 * - `dispatch.type`: for what LiveKit asks: for a `room`, for each `participant` who joins, for each `publisher`. Default: `room`.
 * - `dispatch.repairInterval`: how often the rooms are looked at for those that are left without an agent, 1 s to 5 min.
 *   Default: 10 s.
 * - `webhookPath`: the path of LiveKit's webhook. Default: `/livekit/webhook`.
 * - `participants`: which participants the agent hears: `first`, `mixed` or `addressed`. Default: `first`.
 * - `agentName`: the agent's name in the room. Default: `Agent`.
 *
 * @category models
 * @since 0.1.0
 */
export const LiveKitConfig = Schema.Struct({
  url: Schema.optionalKey(ServerUrl),
  apiKey: Schema.optionalKey(Name),
  apiSecret: Schema.optionalKey(secret({ min: 1, max: 1_024 })),
  publicUrl: Schema.optionalKey(ServerUrl),
  roomPrefix: RoomPart.pipe(withDefault("voice-")),
  namedRooms: Schema.Boolean.pipe(withDefault(false)),
  automatic: Schema.optionalKey(Automatic),
  dispatch: Schema.optionalKey(Dispatch),
  webhookPath: Schema.String.check(
    Schema.isMaxLength(256),
    Schema.makeFilter((path: string) => /^\/[\w./-]+$/.test(path) || "expected a path such as /livekit/webhook", {
      toJsonSchema: () => ({ pattern: "^/[\\w./-]+$" })
    })
  ).pipe(withDefault("/livekit/webhook")),
  participants: Participants.pipe(withDefault("first")),
  agentName: AgentName.pipe(withDefault("Agent"))
}).pipe(encodeKeys({
  apiKey: "api_key",
  apiSecret: "api_secret",
  publicUrl: "public_url",
  roomPrefix: "room_prefix",
  namedRooms: "named_rooms",
  webhookPath: "webhook_path",
  agentName: "agent_name"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type LiveKitConfig = typeof LiveKitConfig.Type

/**
 * The URLs and credentials of a LiveKit server.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitServer {
  /** Of the signalling, with `ws` or `wss`. */
  readonly url: string
  /** Of the API, with `http` or `https`. */
  readonly apiUrl: string
  /** Of the signalling, for users' clients. */
  readonly publicUrl: string
  readonly apiKey: string
  readonly apiSecret: Redacted.Redacted<string>
}

const op = "LiveKitProvider.config"

const withScheme = (url: string, scheme: "ws" | "http"): string =>
  new URL(url).href.replace(/^(?:ws|http)(s?):/, `${scheme}$1:`).replace(/\/+$/, "")

/**
 * Completes the config from the environment. Fails `invalid_config`; `details.missing` has the variables that are missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolveServer = Effect.fnUntraced(function*(
  config: LiveKitConfig
): Effect.fn.Return<LiveKitServer, InvalidConfig> {
  if (config.dispatch !== undefined && config.dispatch.agentName === undefined && config.automatic !== undefined) {
    return yield* new InvalidConfig({
      op,
      message: "provider_config.dispatch without agent_name serves every room: leave automatic out, or name the agent",
      details: { path: "provider_config.automatic" }
    })
  }
  const url = config.url ?? (yield* EnvironmentVariable.text("LIVEKIT_URL"))
  const apiKey = config.apiKey ?? (yield* EnvironmentVariable.text("LIVEKIT_API_KEY"))
  const apiSecret = config.apiSecret ?? (yield* EnvironmentVariable.secret("LIVEKIT_API_SECRET"))
  const missing = [
    ...(url === undefined ? ["LIVEKIT_URL"] : []),
    ...(apiKey === undefined ? ["LIVEKIT_API_KEY"] : []),
    ...(apiSecret === undefined ? ["LIVEKIT_API_SECRET"] : [])
  ]
  if (url === undefined || apiKey === undefined || apiSecret === undefined) {
    return yield* new InvalidConfig({
      op,
      message: `provider livekit needs url, api_key and api_secret: set them in provider_config, or ${
        missing.join(", ")
      } in the environment`,
      details: { missing: missing.join(", ") }
    })
  }
  if (!isServerUrl(url)) {
    return yield* new InvalidConfig({
      op,
      message: "LIVEKIT_URL: expected wss://host, ws://host, https://host or http://host",
      details: { path: "LIVEKIT_URL" }
    })
  }
  return {
    url: withScheme(url, "ws"),
    apiUrl: withScheme(url, "http"),
    publicUrl: withScheme(config.publicUrl ?? url, "ws"),
    apiKey,
    apiSecret
  }
})
