/**
 * The `server` section of a config file: where the HTTP server listens, and who may use it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../BackendError.ts"
import { withDefault } from "../schema/Defaults.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"
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
const ApiKey = secret({ min: 16, max: 512, header: true })

const Range = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      ClientAddress.parseRange(text) !== undefined || "expected an address or a range such as 10.0.0.0/8",
    {
      toJsonSchema: () => [{ pattern: "^[\\da-fA-F:.]+(?:/\\d{1,3})?$" }, true]
    }
  )
)

const File = Schema.NonEmptyString.check(Schema.isMaxLength(4_096))

/**
 * - `host`: the address to listen on. `127.0.0.1`; any other than loopback needs `apiKeys`.
 * - `port`: the port to listen on. 8080; 0 takes a free one.
 * - `publicUrl`: how clients reach the server behind a proxy, with its path if it has one. The URLs of sessions are made of
 *   it.
 * - `allowedOrigins`: web pages of other origins that may use the API.
 * - `apiKeys`: bearer keys. If there is one, every call to `/v1` needs one, except those that a session's token opens.
 * - `authentication`: `keys`, or `hook`: a caller without a key sends a token that the application's `AuthHook` knows, and
 *   sees their own sessions only.
 * - `trustedProxies`: addresses and ranges of proxies whose `X-Forwarded-For` or `Forwarded` is believed.
 * - `tls`: files with the certificate (its chain included) and its key, in PEM. They are checked for changes every minute.
 * - `tls.cert`: the file with the certificate.
 * - `tls.key`: the file with its key.
 * - `maxConnections`: open sockets, WebSockets included. Beyond it the oldest that has sent no complete request is closed,
 *   or else the new one is answered 503. 4,096, [16, 1,000,000].
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
  authentication: Schema.Literals(["keys", "hook"]).pipe(withDefault("keys" as const)),
  trustedProxies: Schema.Array(Range).pipe(withDefault([])),
  tls: Schema.optionalKey(Schema.Struct({ cert: File, key: File })),
  maxConnections: Schema.Int.check(Schema.isBetween({ minimum: 16, maximum: 1_000_000 })).pipe(withDefault(4_096)),
  telemetry: TelemetryConfig.pipe(withDefault({}))
}).pipe(
  encodeKeys({
    publicUrl: "public_url",
    allowedOrigins: "allowed_origins",
    apiKeys: "api_keys",
    trustedProxies: "trusted_proxies",
    maxConnections: "max_connections"
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type ServerConfig = typeof ServerConfig.Type

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

/**
 * Refuses to offer sessions to the network without authentication: fails `invalid_config`, with the ways to fix it.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireAuthentication = (
  config: Pick<ServerConfig, "host" | "apiKeys" | "authentication">
): Effect.Effect<void, InvalidConfig> =>
  isLoopback(config.host) || config.authentication === "hook" ||
    config.apiKeys.some((key) => Redacted.value(key) !== "")
    ? Effect.void
    : Effect.fail(
      new InvalidConfig({
        op: "Server.layer",
        message: `refusing to listen on ${config.host} without API authentication: anyone on the network could start ` +
          `sessions. Set server.api_keys in the config (or EFFECT_VOICE_SERVER__API_KEYS) to one or more keys of at least ` +
          `16 characters, or server.authentication to hook, or listen on 127.0.0.1`,
        details: { missing: "server.api_keys", host: config.host }
      })
    )

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
  config.authentication === "keys" || hook ? Effect.void : Effect.fail(
    new InvalidConfig({
      op: "Server.layer",
      message:
        "server.authentication is hook, but the backend has no AuthHook service: provide AuthHook in your program",
      details: { missing: "AuthHook", faults: [{ path: "server.authentication", message: "no AuthHook service" }] }
    })
  )
