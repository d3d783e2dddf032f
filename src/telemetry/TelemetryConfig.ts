/**
 * The destination of telemetry: the `telemetry` part of the `server` section, which takes precedence over OpenTelemetry's standard
 * environment variables.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../BackendError.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"
import * as Faults from "../schema/Faults.ts"
import { secret } from "../schema/Secret.ts"

const isHttpUrl = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#@]/.test(text)

const Endpoint = Schema.String.check(
  Schema.makeFilter(
    (text: string) => isHttpUrl(text) || "expected an http or https URL without user, query or fragment",
    {
      toJsonSchema: () => [{ pattern: "^\\s*[hH][tT][tT][pP][sS]?:[^?#@]+$" }, true]
    }
  )
)

/**
 * - `endpoint`: the base URL of an OTLP/HTTP receiver; `/v1/traces`, `/v1/metrics` and `/v1/logs` are added. Without it,
 *   and without `OTEL_EXPORTER_OTLP_ENDPOINT`, nothing is exported.
 * - `headers`: headers of each request, such as an API key; their values are secrets.
 * - `protocol`: `http/protobuf` or `http/json`. `http/protobuf`.
 * - `serviceName`: the resource's `service.name`. `effect-voice`.
 * - `exportInterval`: how often metrics are exported, in ms; spans and log lines at least every 5 s. 10,000, [100, 600,000].
 *
 * @category models
 * @since 0.1.0
 */
export const TelemetryConfig = Schema.Struct({
  endpoint: Schema.optionalKey(Endpoint),
  headers: Schema.optionalKey(Schema.Record(Schema.String, secret({ header: true, named: true }))),
  protocol: Schema.optionalKey(Schema.Literals(["http/protobuf", "http/json"])),
  serviceName: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(255))),
  exportInterval: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 100, maximum: 600_000 })))
}).pipe(
  encodeKeys({
    endpoint: "otlp_endpoint",
    headers: "otlp_headers",
    protocol: "otlp_protocol",
    serviceName: "service_name",
    exportInterval: "export_interval"
  })
)

/**
 * @category models
 * @since 0.1.0
 */
export type TelemetryConfig = typeof TelemetryConfig.Type

/**
 * The signals of OpenTelemetry.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal = "traces" | "metrics" | "logs"

/**
 * The resolved destination: config and environment together.
 *
 * @category models
 * @since 0.1.0
 */
export interface OtlpTarget {
  /** URLs by signal; a signal without a URL is not exported. */
  readonly urls: { readonly [signal in Signal]?: string }
  readonly headers: Redacted.Redacted<{ readonly [name: string]: string }>
  readonly protocol: "http/protobuf" | "http/json"
  readonly serviceName: string
  readonly attributes: { readonly [name: string]: string }
  readonly exportInterval: Duration.Duration
}

type Env = { readonly [name: string]: string | undefined }

const signals: ReadonlyArray<Signal> = ["traces", "metrics", "logs"]

/** Parses `a=1,b=2`, percent-encoded, as in OpenTelemetry's variables. Values never appear in a fault. */
const pairs = (
  name: string,
  text: string | undefined,
  faults: Array<Faults.Fault>
): { readonly [name: string]: string } => {
  const found: { [name: string]: string } = {}
  for (const part of (text ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const at = part.indexOf("=")
    try {
      if (at < 1) throw new Error("no key")
      found[decodeURIComponent(part.slice(0, at).trim())] = decodeURIComponent(part.slice(at + 1).trim())
    } catch {
      faults.push({ path: name, message: "expected comma-separated key=value pairs, percent-encoded" })
      return {}
    }
  }
  return found
}

const isHeaders = (headers: { readonly [name: string]: string }): boolean =>
  Object.entries(headers).every(([name, value]) =>
    /^[!#$%&'*+.^`|~\w-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  )

/**
 * Resolves a config over the variables `OTEL_EXPORTER_OTLP_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
 * `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_{TRACES,METRICS,LOGS}_EXPORTER` and `OTEL_SDK_DISABLED`. Returns undefined when there
 * is no endpoint. Fails `invalid_config` with all faults, each with its variable as the path.
 *
 * @category config
 * @since 0.1.0
 */
export const resolve = (
  config: Partial<TelemetryConfig>,
  env: Env
): Effect.Effect<OtlpTarget | undefined, InvalidConfig> =>
  Effect.suspend(() => {
    const faults: Array<Faults.Fault> = []
    const given = (name: string): string | undefined => env[name]?.trim() || undefined
    if (given("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return Effect.undefined
    const checked = (name: string): string | undefined => {
      const url = given(name)
      if (url === undefined || isHttpUrl(url)) return url
      faults.push({ path: name, message: "expected an http or https URL without user, query or fragment" })
      return undefined
    }
    const base = config.endpoint?.trim() ?? checked("OTEL_EXPORTER_OTLP_ENDPOINT")
    const urls: { [signal in Signal]?: string } = {}
    for (const signal of signals) {
      const upper = signal.toUpperCase()
      if (given(`OTEL_${upper}_EXPORTER`)?.toLowerCase() === "none") continue
      const own = config.endpoint === undefined ? checked(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`) : undefined
      const url = own ?? (base === undefined ? undefined : `${base.replace(/\/+$/, "")}/v1/${signal}`)
      if (url !== undefined) urls[signal] = url
    }
    const named = given("OTEL_EXPORTER_OTLP_PROTOCOL")
    if (config.protocol === undefined && named !== undefined && !/^http\/(?:protobuf|json)$/.test(named)) {
      faults.push({
        path: "OTEL_EXPORTER_OTLP_PROTOCOL",
        message: "expected http/protobuf or http/json; gRPC is not supported"
      })
    }
    const headers = config.headers === undefined
      ? pairs("OTEL_EXPORTER_OTLP_HEADERS", given("OTEL_EXPORTER_OTLP_HEADERS"), faults)
      : Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name, Redacted.value(value)]))
    if (!isHeaders(headers)) {
      faults.push({
        path: config.headers === undefined ? "OTEL_EXPORTER_OTLP_HEADERS" : "server.telemetry.otlp_headers",
        message: "expected valid HTTP header names and values"
      })
    }
    const attributes = pairs("OTEL_RESOURCE_ATTRIBUTES", given("OTEL_RESOURCE_ATTRIBUTES"), faults)
    const everyMs = config.exportInterval ?? Number(given("OTEL_METRIC_EXPORT_INTERVAL") ?? 10_000)
    if (!(everyMs >= 100 && everyMs <= 600_000)) {
      faults.push({ path: "OTEL_METRIC_EXPORT_INTERVAL", message: "expected 100 to 600000, in ms" })
    }
    if (Object.keys(urls).length === 0 && faults.length === 0) return Effect.undefined
    return faults.length > 0
      ? Effect.fail(Faults.toError("TelemetryConfig.resolve", "invalid telemetry config", faults))
      : Effect.succeed({
        urls,
        headers: Redacted.make(headers),
        protocol: config.protocol ?? (named === "http/json" ? "http/json" : "http/protobuf"),
        serviceName: config.serviceName ?? given("OTEL_SERVICE_NAME") ?? attributes["service.name"] ?? "effect-voice",
        attributes,
        exportInterval: Duration.millis(everyMs)
      })
  })
