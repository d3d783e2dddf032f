/**
 * Sends traces, metrics and log lines to an OpenTelemetry receiver, over OTLP/HTTP.
 *
 * It never blocks a session: spans and log lines wait in memory for at most 5 s, or until there are 512. At most four batches
 * are sent at once, and a batch that is not accepted within 10 s is dropped. At shutdown the rest gets 2 s. While a receiver
 * takes nothing, the health report of the backends built on it has a degraded part `telemetry`.
 *
 * @since 0.1.0
 */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as OtlpLogger from "effect/observability/OtlpLogger"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Redacted from "effect/Redacted"
import { ConnectionFailed } from "../BackendError.ts"
import * as HealthSource from "../HealthSource.ts"
import * as SecretValues from "../SecretValues.ts"
import * as OtlpClient from "./OtlpClient.ts"
import * as OtlpSecrets from "./OtlpSecrets.ts"
import type { OtlpTarget } from "./TelemetryConfig.ts"

const FLUSH = Duration.seconds(2)
const EVERY = Duration.seconds(5)
const BATCH = 512

/**
 * Which signals are exported, as in a backend's config.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnabledSignals {
  readonly enableTracing: boolean
  readonly enableMetrics: boolean
  readonly enableStructuredLogging: boolean
}

/**
 * Exports the spans, metrics and log lines of the layers built on it. Signals that are off cost nothing.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (target: OtlpTarget, enabled: EnabledSignals): Layer.Layer<never> => {
  const { attributes, exportInterval, protocol, serviceName, urls } = target
  const headers = Redacted.value(target.headers)
  for (const [name, value] of Object.entries(headers)) SecretValues.remember(name, value)
  const shared = {
    resource: { serviceName, attributes },
    headers,
    shutdownTimeout: FLUSH
  }
  const state: OtlpClient.ExportState = { failing: undefined }
  const interval = Duration.min(exportInterval, EVERY)
  const parts = [
    urls.traces !== undefined && enabled.enableTracing
      ? OtlpTracer.layer({ ...shared, url: urls.traces, exportInterval: interval, maxBatchSize: BATCH })
      : Layer.empty,
    urls.metrics !== undefined && enabled.enableMetrics
      ? OtlpMetrics.layer({ ...shared, url: urls.metrics, exportInterval })
      : Layer.empty,
    urls.logs !== undefined && enabled.enableStructuredLogging
      ? OtlpLogger.layer({ ...shared, url: urls.logs, exportInterval: interval, maxBatchSize: BATCH })
      : Layer.empty
  ] as const
  const exporting = Layer.mergeAll(...parts).pipe(
    Layer.provide(
      OtlpSecrets.layer(protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf)
    ),
    Layer.provide(OtlpClient.layer(state).pipe(Layer.provide(FetchHttpClient.layer))),
    // TelemetryConfig has read the environment already
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))
  )
  return Layer.merge(
    exporting,
    HealthSource.layer({
      name: "telemetry",
      what: "the telemetry receiver",
      failed: "degraded",
      // by the client
      isLogged: true,
      probe: Effect.suspend(() =>
        state.failing === undefined
          ? Effect.void
          : Effect.fail(new ConnectionFailed({ op: "OtlpExport", message: state.failing }))
      )
    })
  )
}
