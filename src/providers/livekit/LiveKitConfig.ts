/**
 * The `provider_config` of the LiveKit provider, and where it comes from when it is not there.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import { secret } from "../../schema/Secret.ts"

const schemes = /^(?:wss?|https?):$/

const isServerUrl = (text: string): boolean => {
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

/**
 * Who of a room's people is heard.
 *
 * - `first`: the user whom the session is for; of others neither voice nor messages are taken.
 * - `mixed`: everybody, mixed into one.
 * - `addressed`: whoever has the floor: a participant takes it by the RPC `start_turn` and gives it back by `end_turn`.
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
 * - `automatic`: somebody who joins a room starts a session there; LiveKit tells of it by its webhook. Default: sessions
 *   are created by the application alone.
 * - `automatic.rooms`: in which rooms; `*` stands for any characters. Default: all but our own.
 *
 * @category models
 * @since 0.1.0
 */
export const Automatic = Schema.Struct({
  rooms: Schema.Array(Name).check(Schema.isMaxLength(100)).pipe(withDefault(["*"]))
})

/**
 * - `url`: of the LiveKit server, `wss://…`. Default: `LIVEKIT_URL`.
 * - `apiKey`: names the secret. Default: `LIVEKIT_API_KEY`.
 * - `apiSecret`: signs tokens and requests, a secret. Default: `LIVEKIT_API_SECRET`.
 * - `publicUrl`: what users' clients are told to connect to, where that is not `url`.
 * - `roomPrefix`: what the names of rooms begin with that are made for a session; its id follows. Default: `voice-`.
 * - `namedRooms`: a session may name the room that its agent joins: `connection_url: "livekit:<room>"`. Whoever may create
 *   sessions may then enter any room. Default: no.
 * - `automatic`: sessions that begin when somebody joins a room.
 * - `automatic.rooms`: in which rooms; `*` stands for any characters. Default: all but our own.
 * - `webhookPath`: where LiveKit's webhook is taken. Default: `/livekit/webhook`.
 * - `participants`: who of a room's people is heard: `first`, `mixed` or `addressed`. Default: `first`.
 * - `agentName`: how the agent is called in the room. Default: `Agent`.
 *
 * @category models
 * @since 0.1.0
 */
export const LiveKitConfig = Schema.Struct({
  url: Schema.optionalKey(ServerUrl),
  apiKey: Schema.optionalKey(Name),
  apiSecret: Schema.optionalKey(secret({ min: 1, max: 1_024 })),
  publicUrl: Schema.optionalKey(ServerUrl),
  roomPrefix: Name.pipe(withDefault("voice-")),
  namedRooms: Schema.Boolean.pipe(withDefault(false)),
  automatic: Schema.optionalKey(Automatic),
  webhookPath: Schema.String.check(
    Schema.isMaxLength(256),
    Schema.makeFilter((path: string) => /^\/[\w./-]+$/.test(path) || "expected a path such as /livekit/webhook", {
      toJsonSchema: () => ({ pattern: "^/[\\w./-]+$" })
    })
  ).pipe(withDefault("/livekit/webhook")),
  participants: Participants.pipe(withDefault("first")),
  agentName: Name.pipe(withDefault("Agent"))
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
 * Where the server is, and what it knows us by.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveKitServer {
  /** Of the signalling: `ws` or `wss`. */
  readonly url: string
  /** Of the API: `http` or `https`. */
  readonly apiUrl: string
  /** What users' clients connect to. */
  readonly publicUrl: string
  readonly apiKey: string
  readonly apiSecret: Redacted.Redacted<string>
}

const op = "LiveKitProvider.config"

const fromEnvironment = <A>(config: Config.Config<A>): Effect.Effect<A | undefined> =>
  Config.option(config).pipe(
    Effect.map(Option.getOrUndefined),
    Effect.orElseSucceed(() => undefined)
  )

const secretFromEnvironment = Effect.map(
  fromEnvironment(Config.Redacted("LIVEKIT_API_SECRET")),
  // nothing can be signed with an empty one
  (secret) => secret === undefined || Redacted.value(secret) === "" ? undefined : secret
)

const withScheme = (url: string, scheme: "ws" | "http"): string =>
  new URL(url).href.replace(/^(?:ws|http)(s?):/, `${scheme}$1:`).replace(/\/+$/, "")

/**
 * What the config says, completed from the environment. Fails `invalid_config`; `details.missing` names the variables
 * that would have to be set.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolveServer = Effect.fnUntraced(function*(
  config: LiveKitConfig
): Effect.fn.Return<LiveKitServer, InvalidConfig> {
  const url = config.url ?? (yield* fromEnvironment(Config.NonEmptyString("LIVEKIT_URL")))
  const apiKey = config.apiKey ?? (yield* fromEnvironment(Config.NonEmptyString("LIVEKIT_API_KEY")))
  const apiSecret = config.apiSecret ?? (yield* secretFromEnvironment)
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
