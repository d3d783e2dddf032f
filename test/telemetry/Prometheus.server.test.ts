/**
 * The real Prometheus scrapes us; its own tool reads what we answer, and the rules that we ship. Without them on this
 * machine the tests are skipped, and say so.
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
import { names } from "../../src/server/ProcessMetrics.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"
import { freePort } from "../support/FreePort.ts"
import { call, serve } from "./Served.ts"

const missing = ["prometheus", "promtool"].filter((name) => spawnSync(name, ["--version"]).error !== undefined)
if (missing.length > 0) {
  process.stderr.write(`skipped: no ${missing.join(", no ")} here (Debian: apt-get install prometheus)\n`)
}
const rules = Path.resolve(import.meta.dirname, "../../scripts/telemetry/alerts.yml")

/** Prometheus on loopback, with the rules, until the scope closes; its address. */
const prometheus = Effect.fnUntraced(function*(target: string) {
  const dir = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-prometheus-"))),
    (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
  )
  const file = Path.join(dir, "prometheus.yml")
  Fs.writeFileSync(
    file,
    JSON.stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [rules],
      scrape_configs: [{ job_name: "effect-voice", static_configs: [{ targets: [new URL(target).host] }] }]
    })
  )
  const port = yield* freePort
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn("prometheus", [
        `--config.file=${file}`,
        `--storage.tsdb.path=${Path.join(dir, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`
      ], { stdio: "ignore" })
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  return `http://127.0.0.1:${port}`
})

interface Answer {
  readonly [key: string]: any // oxlint-disable-line typescript/no-explicit-any -- answers of many shapes
}

const api = (url: string, path: string) =>
  Effect.tryPromise(async (signal): Promise<Answer> => {
    const response = await fetch(`${url}/api/v1/${path}`, { signal })
    const { data, status }: Answer = JSON.parse(await response.text())
    if (status !== "success") throw new Error(`${path}: ${status}`)
    return data
  })

/** Asks until an answer is as it should be, for 20 s. */
const until = (url: string, path: string, good: (answer: Answer) => boolean) =>
  api(url, path).pipe(
    Effect.filterOrFail(good, () => `${path} never came to what was expected`),
    Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 80 })
  )

describe.skipIf(missing.length > 0)("Prometheus", () => {
  it.live("scrapes the metrics endpoint, and returns its series", () =>
    Effect.gen(function*() {
      const url = yield* serve({ env: {} })
      const server = yield* prometheus(url)
      assert.isAtLeast(yield* call(url), 1)
      const query = (text: string) => `query?query=${encodeURIComponent(text)}`
      const turns = yield* until(server, query(TelemetryNames.metrics.turnsTotal), ({ result }) =>
        result[0]?.value[1] === "1")
      assert.strictEqual(turns["result"][0].metric.provider, "local")
      const latency = yield* until(
        server,
        query(`${TelemetryNames.metrics.turnLatency}_bucket{le="+Inf"}`),
        ({ result }) =>
          result[0]?.value[1] === "1"
      )
      assert.strictEqual(latency["result"].length, 1)
      for (const name of Object.values(names)) {
        yield* until(server, query(name), ({ result }) =>
          Number(result[0]?.value[1]) > 0)
      }
      const metadata = yield* api(server, `metadata?metric=${TelemetryNames.metrics.turnLatency}`)
      assert.strictEqual(metadata[TelemetryNames.metrics.turnLatency][0].type, "histogram")
      const groups = yield* until(
        server,
        "rules",
        ({ groups }) => groups[0]?.rules.length > 0 && groups[0].rules.every(({ health }: Answer) => health === "ok")
      )
      assert.strictEqual(groups["groups"][0].name, "effect-voice")
      const targets = yield* api(server, "targets")
      assert.strictEqual(targets["activeTargets"][0].lastError, "")
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 60_000)

  it("accepts the alert rules", () => {
    const { status, stderr, stdout } = spawnSync("promtool", ["check", "rules", rules], { encoding: "utf8" })
    assert.strictEqual(status, 0, stdout + stderr)
  })

  it.live("accepts the format of the metrics endpoint", () =>
    Effect.gen(function*() {
      const url = yield* serve({ env: {} })
      yield* call(url)
      const response = yield* Effect.promise(() => fetch(`${url}/metrics`))
      assert.strictEqual(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
      const input = yield* Effect.promise(() => response.text())
      const { status, stderr, stdout } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" })
      assert.strictEqual(status, 0, stdout + stderr)
      assert.strictEqual(stdout + stderr, "")
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])), 30_000)
})
