/**
 * A real OpenTelemetry collector takes what we send and writes it to a file. It is looked for as `otelcol` on the PATH, or
 * where `EFFECT_VOICE_OTELCOL` says; `.ci/run` builds it where there is Go. Without it the test is skipped, and says so.
 *
 * @since 0.1.0
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Builtin from "../../src/builtin/index.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"
import { freePort } from "../support/FreePort.ts"
import { call, during } from "./Served.ts"

const built = Path.resolve(import.meta.dirname, "../../node_modules/.cache/otelcol/otelcol")
const binary = process.env["EFFECT_VOICE_OTELCOL"] ?? (Fs.existsSync(built) ? built : "otelcol")
const isMissing = spawnSync(binary, ["--version"]).error !== undefined
if (isMissing) process.stderr.write("skipped: no OpenTelemetry collector here (.ci/run builds one where there is Go)\n")

const collector = Effect.gen(function*() {
  const dir = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-collector-"))),
    (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
  )
  const port = yield* freePort
  const out = Path.join(dir, "out.json")
  const config = Path.join(dir, "config.yaml")
  const pipeline = { receivers: ["otlp"], exporters: ["file"] }
  Fs.writeFileSync(
    config,
    JSON.stringify({
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { file: { path: out, flush_interval: "100ms" } },
      service: {
        telemetry: { metrics: { level: "none" } },
        pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline }
      }
    })
  )
  const said: Array<string> = []
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(binary, ["--config", config], { stdio: ["ignore", "ignore", "pipe"] })
      child.stderr.on("data", (data: Buffer) => said.push(data.toString()))
      return child
    }),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  const url = `http://127.0.0.1:${port}`
  yield* Effect.tryPromise(() => fetch(url)).pipe(
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 100 }),
    Effect.orDie
  )
  return { url, said, read: () => Fs.existsSync(out) ? Fs.readFileSync(out, "utf8") : "" }
})

describe.skipIf(isMissing)("an OpenTelemetry collector", () => {
  for (const protocol of ["http/protobuf", "http/json"] as const) {
    it.live(`takes all that we send as ${protocol}`, () =>
      Effect.gen(function*() {
        const { read, said, url } = yield* collector
        yield* during({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: protocol } }, call)
        const names = [
          TelemetryNames.spans.session,
          TelemetryNames.spans.turn,
          TelemetryNames.spans.hear,
          TelemetryNames.spans.think,
          TelemetryNames.spans.speak,
          TelemetryNames.metrics.turnLatency,
          TelemetryNames.metrics.sessionsActive,
          TelemetryNames.metrics.turnsTotal,
          "thinking"
        ]
        const written = yield* Effect.sync(read).pipe(
          Effect.filterOrFail((text) => names.every((name) => text.includes(`"${name}`)), () => "not yet" as const),
          Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 50 })
        )
        for (const kind of ["resourceSpans", "resourceMetrics", "resourceLogs"]) assert.include(written, kind)
        assert.notMatch(said.join(""), /\terror\t/)
      }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 30_000)
  }
})
