import { assert, describe, it } from "@effect/vitest"
import { Yaml } from "effect/encoding"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { names } from "../../src/server/ProcessMetrics.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"

const directory = Path.resolve(import.meta.dirname, "../../scripts/telemetry")
const dashboard = JSON.parse(Fs.readFileSync(Path.join(directory, "grafana-dashboard.json"), "utf8"))
const rules: any = Yaml.parse(Fs.readFileSync(Path.join(directory, "alerts.yml"), "utf8")) // oxlint-disable-line typescript/no-explicit-any -- a document

const queries: ReadonlyArray<string> = [
  ...dashboard.panels.flatMap(({ targets }: { readonly targets: ReadonlyArray<{ readonly expr: string }> }) =>
    targets.map(({ expr }) => expr)
  ),
  ...dashboard.templating.list.flatMap(({ definition }: { readonly definition?: string }) => definition ?? []),
  ...rules.groups.flatMap(({ rules }: { readonly rules: ReadonlyArray<{ readonly expr: string }> }) =>
    rules.map(({ expr }) => expr)
  )
]
const ours: ReadonlyArray<string> = [
  ...Object.values(TelemetryNames.metrics),
  ...Object.values(TelemetryNames.clusterMetrics)
]
const isHistogram = (name: string) =>
  name.endsWith("_seconds") && name.startsWith("effect_voice_") && name !== TelemetryNames.metrics.eventLoopLag
const known = new Set([
  ...ours.flatMap((name) => isHistogram(name) ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]),
  ...Object.values(names)
])
const labels: ReadonlyArray<string> = ["job", "instance", "le", ...Object.values(TelemetryNames.labels)]
const metricsOf = (query: string) => query.match(/\b(?:effect_voice|process|nodejs)_\w+/g) ?? []

describe("the dashboard and the alerts", () => {
  it("query existing metrics, histograms by their buckets", () => {
    assert.isAtLeast(queries.length, 30)
    for (const query of queries) {
      for (const name of metricsOf(query)) assert.isTrue(known.has(name), `${name} in ${query}`)
      if (query.includes("histogram_quantile")) {
        assert.match(query, /_bucket/)
        assert.match(query, /\bby \([^)]*\ble\b/)
      }
      for (const [, name = ""] of query.matchAll(/\b(effect_voice_\w+_total|nodejs_\w+_total|process_\w+_total)/g)) {
        if (!query.startsWith("label_values")) {
          assert.match(query, new RegExp(`(?:rate|increase)\\(${name}\\b`), query)
        }
      }
    }
  })

  it("group by existing labels", () => {
    for (const query of queries) {
      for (const [, list = ""] of query.matchAll(/\b(?:by|on) \(([^)]*)\)/g)) {
        for (const label of list.split(",")) assert.include(labels, label.trim(), query)
      }
    }
  })

  it("show every metric", () => {
    const asked = new Set(queries.flatMap(metricsOf).map((name) => name.replace(/_bucket$/, "")))
    for (const name of ours) assert.isTrue(asked.has(name), name)
  })

  it("have panels that do not overlap", () => {
    const taken = new Set<string>()
    for (const { gridPos: { h, w, x, y } } of dashboard.panels) {
      assert.isAtMost(x + w, 24)
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          assert.isFalse(taken.has(`${i} ${j}`))
          taken.add(`${i} ${j}`)
        }
      }
    }
  })
})
