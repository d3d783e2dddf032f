/**
 * The `server` section of a config file: where the HTTP server listens, and who may use it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../BackendError.ts"
import { mediaProtocols } from "../protocols/Protocols.ts"
import { withDefault } from "../schema/Defaults.ts"
import { over } from "../schema/Defined.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"
import * as Faults from "../schema/Faults.ts"
import { secret } from "../schema/Secret.ts"
import { TelemetryConfig } from "../telemetry/TelemetryConfig.ts"
import * as ClientAddress from "./access/ClientAddress.ts"

const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

const HttpUrl = Schema.String.check(
  Schema.makeFilter((text: string) =>
    (isHttpUrl(text) && !/[?#@]/.test(text)) ||
    "expected a URL that begins with http:// or https://, without user, query or fragment", {
    toJsonSchema: () => [{ pattern: "^\\s*[hH][tT][tT][pP][sS]?:[^?#@]+$" }, true]
  })
)

const Origin = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      (isHttpUrl(text) && new URL(text).origin === text) || "expected an origin such as https://example.org",
    {
      toJsonSchema: () => [{ pattern: "^https?://[^/?#@A-Z\\s]+$" }, true]
    }
  )
)

/** 16 characters of what key generators write have at least 80 bits: they cannot be guessed. */
const MIN_KEY = 16
const ApiKey = secret({ min: MIN_KEY, max: 512, header: true })

const Range = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      ClientAddress.parseRange(text) !== undefined || "expected an address or a range such as 10.0.0.0/8",
    {
      toJsonSchema: () => [{ pattern: "^[\\da-fA-F:.]+(?:/\\d{1,3})?$" }, true]
    }
  )
)

/** By their names in `server.protocols`. */
const protocolNames = ["native", "openai", "rtvi", "pipecat", ...mediaProtocols.keys()] as const

const File = Schema.NonEmptyString.check(Schema.isMaxLength(4_096))

/**
 * - `host`: the address to listen on. `127.0.0.1`; any other than loopback needs authentication.
 * - `port`: the port to listen on. 8080; 0 takes a free one.
 * - `publicUrl`: how clients reach the server behind a proxy, with its path if it has one. The URLs of sessions are made of
 *   it. Any other than loopback needs authentication.
 * - `allowedOrigins`: web pages of other origins that may use the API. Any other than loopback needs authentication.
 * - `apiKeys`: bearer keys. If there is one, every call to `/v1` needs one, except those that a session's token opens.
 * - `authentication`: `keys`; `hook`: a caller without a key sends a token that the application's `AuthHook` knows, and
 *   sees their own sessions only; or `none`: whoever reaches the server may use it, because something in front of it
 *   authenticates. It is logged at the start.
 * - `trustedProxies`: addresses and ranges of proxies whose `X-Forwarded-For` or `Forwarded` is believed. If there is one,
 *   the server needs authentication.
 * - `adminPort`: a second port of `host` for `/metrics`, `/docs`, `/openapi.json`, `/asyncapi.json` and all of
 *   `/health/ready`; `port` then answers none of the first four, and `/health/ready` with the status alone. 0 takes a free
 *   port. Default: all of it is on `port`.
 * - `operations`: who may read the same: `public`, whoever reaches the port; or `keys`, a caller with one of `apiKeys`.
 *   Without a key, `/health/ready` then answers with the status alone. `public`.
 * - `tls`: files with the certificate (its chain included) and its key, in PEM. They are checked for changes every minute.
 * - `tls.cert`: the file with the certificate.
 * - `tls.key`: the file with its key.
 * - `maxConnections`: open sockets, WebSockets included. Beyond it the oldest that has sent no complete request is closed,
 *   or else the new one is answered 503. 4,096, [16, 1,000,000].
 * - `protocols`: what clients and carriers may speak here: `native`, our own WebSocket and WebRTC; `openai`, the clients of OpenAI's
 *   Realtime API; `rtvi`, those of Pipecat; `pipecat`; and the protocols of carriers. One that is not listed is not answered. Default:
 *   `native`, what the provider's own config names, and, where only this machine reaches the server, `openai` and `rtvi`.
 * - `telemetry`: where `serve` sends traces, metrics and log lines. Without it, the standard `OTEL_…` variables apply.
 * - `telemetry.otlp_endpoint`: the base URL of an OTLP/HTTP receiver; `/v1/traces`, `/v1/metrics` and `/v1/logs` are added.
 * - `telemetry.otlp_headers`: headers of each request, most of the time a key; their values are secrets.
 * - `telemetry.otlp_protocol`: `http/protobuf` or `http/json`. `http/protobuf`.
 * - `telemetry.service_name`: the resource's `service.name`. `effect-voice`.
 * - `telemetry.export_interval`: how often metrics are sent, in ms. 10,000, [100, 600,000].
 *
 * @category models
 * @since 0.1.0
 */
export const ServerConfig = Schema.Struct({
  host: Schema.NonEmptyString.check(Schema.isMaxLength(253)).pipe(withDefault("127.0.0.1")),
  port: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })).pipe(withDefault(8080)),
  publicUrl: Schema.optionalKey(HttpUrl),
  allowedOrigins: Schema.Array(Origin).pipe(withDefault([])),
  apiKeys: Schema.Array(ApiKey).pipe(withDefault([])),
  authentication: Schema.Literals(["none", "keys", "hook"]).pipe(withDefault("keys" as const)),
  trustedProxies: Schema.Array(Range).pipe(withDefault([])),
  adminPort: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))),
  operations: Schema.Literals(["public", "keys"]).pipe(withDefault("public" as const)),
  tls: Schema.optionalKey(Schema.Struct({ cert: File, key: File })),
  maxConnections: Schema.Int.check(Schema.isBetween({ minimum: 16, maximum: 1_000_000 })).pipe(withDefault(4_096)),
  protocols: Schema.optionalKey(Schema.Array(Schema.Literals(protocolNames)).check(Schema.isMinLength(1))),
  telemetry: TelemetryConfig.pipe(withDefault({}))
}).pipe(
  encodeKeys({
    publicUrl: "public_url",
    allowedOrigins: "allowed_origins",
    apiKeys: "api_keys",
    trustedProxies: "trusted_proxies",
    adminPort: "admin_port",
    maxConnections: "max_connections"
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type ServerConfig = typeof ServerConfig.Type

/**
 * Fields of the section as a program gives them: all of them optional, and what is `undefined` counts as absent.
 *
 * @category models
 * @since 0.1.0
 */
export type GivenServerConfig<Field extends keyof ServerConfig = keyof ServerConfig> = {
  readonly [
    // over an object's own keys, so that editors show what each field does
    Key in keyof Pick<ServerConfig, Field>
  ]?: ServerConfig[Key] | undefined
}

const defaults = Schema.decodeSync(ServerConfig)({})

/**
 * Completes what a program gives with the defaults. Fails `invalid_config` with all that the section would refuse in a config
 * file: no compiler sees a value of the environment.
 *
 * @category validation
 * @since 0.1.0
 */
export const complete = (given: GivenServerConfig): Effect.Effect<ServerConfig, InvalidConfig> =>
  Effect.suspend(() => {
    const op = "Server.layer"
    const what = "the options of the server are not valid"
    const short = shortKeys(given)
    return short.length > 0
      ? Effect.fail(Faults.toError(op, what, short))
      : Faults.check(ServerConfig, over(defaults, given), { op, what, at: ["server"] })
  })

/** Keys that can be guessed: of a secret, a schema's error does not say what is wrong. */
const shortKeys = ({ apiKeys }: GivenServerConfig): ReadonlyArray<Faults.Fault> =>
  Array.isArray(apiKeys)
    ? apiKeys.flatMap((key: unknown, i) =>
      Redacted.isRedacted(key) && String(Redacted.value(key)).length < MIN_KEY
        ? [{ path: `server.api_keys.${i}`, message: `expected at least ${MIN_KEY} characters` }]
        : []
    )
    : []

/**
 * The section as `ConfigSource.load` takes it.
 *
 * @category sections
 * @since 0.1.0
 */
export const section: { readonly name: string; readonly schema: Schema.Codec<ServerConfig, unknown> } = {
  name: "server",
  schema: ServerConfig
}

/**
 * Whether a host is a loopback address or name.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLoopback = (host: string): boolean => {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, "")
  return bare === "localhost" || bare.endsWith(".localhost") || bare === "::1" ||
    /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(bare)
}

/** What says who reaches a server. */
type Reach = Pick<ServerConfig, "host" | "publicUrl" | "allowedOrigins" | "trustedProxies">

/**
 * The settings by which others than this machine reach a server, by their names in the config.
 *
 * Media is not among them: an `announce_address`, a LiveKit room and a Pipecat bridge take nobody whom the API, or the
 * platform's signature, has not let in.
 *
 * @category accessors
 * @since 0.1.0
 */
export const publicSettings = (config: Reach): ReadonlyArray<string> => {
  const isRemote = (url: string) => !URL.canParse(url) || !isLoopback(new URL(url).hostname)
  return [
    ...(isLoopback(config.host) ? [] : ["server.host"]),
    ...(config.publicUrl !== undefined && isRemote(config.publicUrl) ? ["server.public_url"] : []),
    ...(config.trustedProxies.length > 0 ? ["server.trusted_proxies"] : []),
    ...(config.allowedOrigins.some(isRemote) ? ["server.allowed_origins"] : [])
  ]
}

/**
 * Refuses to offer sessions to the network without authentication: fails `invalid_config`, with the settings that make the
 * server public (`details.settings`) and the ways to fix it.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireAuthentication = (
  config: Reach & Pick<ServerConfig, "apiKeys" | "authentication">
): Effect.Effect<void, InvalidConfig> => {
  const settings = publicSettings(config)
  if (settings.length === 0 || config.authentication !== "keys" || config.apiKeys.some(isKey)) return Effect.void
  const listens = !isLoopback(config.host)
  const others = settings.filter((name) => name !== "server.host")
  return Effect.fail(
    new InvalidConfig({
      op: "Server.layer",
      message:
        `refusing to ${listens ? `listen on ${config.host}` : `serve with ${others.join(" and ")}`} without API ` +
        `authentication: anyone on the network could start sessions. Set server.api_keys in the config (or ` +
        `EFFECT_VOICE_SERVER__API_KEYS) to one or more keys of at least 16 characters, or server.authentication to hook, ` +
        `or to none if something in front of the server authenticates, or ` +
        [
          ...(listens ? ["listen on 127.0.0.1"] : []),
          ...(others.length === 0 ? [] : [`leave out ${others.join(", ")}`])
        ]
          .join(" and "),
      details: { missing: "server.api_keys", host: config.host, settings }
    })
  )
}

const isKey = (key: Redacted.Redacted<string>): boolean => Redacted.value(key) !== ""

/**
 * Fails `invalid_config` when the settings of what operators read contradict others: keys are asked for where there are
 * none, or both ports are the same.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireOperations = (
  config: Pick<ServerConfig, "port" | "apiKeys" | "adminPort" | "operations">
): Effect.Effect<void, InvalidConfig> => {
  const refuse = (path: string, message: string) =>
    Effect.fail(
      new InvalidConfig({
        op: "Server.layer",
        message: `${path}: ${message}`,
        details: { faults: [{ path, message }] }
      })
    )
  if (config.operations === "keys" && !config.apiKeys.some(isKey)) {
    return refuse("server.operations", "it is keys, but server.api_keys has none")
  }
  return config.adminPort !== undefined && config.adminPort !== 0 && config.adminPort === config.port
    ? refuse("server.admin_port", "expected another port than server.port")
    : Effect.void
}

/**
 * Fails `invalid_config` when the config asks for an `AuthHook` and the backend has none.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireHook = (
  config: Pick<ServerConfig, "authentication">,
  hook: boolean
): Effect.Effect<void, InvalidConfig> =>
  config.authentication !== "hook" || hook ? Effect.void : Effect.fail(
    new InvalidConfig({
      op: "Server.layer",
      message:
        "server.authentication is hook, but the backend has no AuthHook service: give one to the layer of the backend " +
        "(`auth`), not of the server",
      details: { missing: "AuthHook", faults: [{ path: "server.authentication", message: "no AuthHook service" }] }
    })
  )
