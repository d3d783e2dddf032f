/**
 * What telemetry costs: CPU per session and second with all of it off, with metrics alone, with traces, metrics and log lines
 * sent to a live receiver in another process.
 *
 * The load is that of `peers`: sessions in real time with engines that take no time, so that telemetry's share is as large as
 * it gets. Each run has a process of its own, the modes take turns, what the driver and the fakes cost is measured by itself
 * and subtracted, and the figures are medians over the rounds.
 *
 * Usage: `npm run bench -- telemetry [--rounds 3] [--sessions 50] [--seconds 12] [--json FILE]`.
 *
 * @since 0.1.0
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Measured } from "./peers/Driver.ts"
import type { Load } from "./peers/Load.ts"
import { priority, run } from "./peers/Run.ts"
import { median } from "./Statistics.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    sessions: { type: "string", default: "50" },
    seconds: { type: "string", default: "12" },
    json: { type: "string" }
  }
})

const receiver = fork(join(import.meta.dirname, "telemetry", "receiver.ts"), {
  execArgv: ["--disable-warning=ExperimentalWarning"]
})
const [{ port }] = await once(receiver, "message")
const endpoint = `http://127.0.0.1:${port}`

const base: Load = {
  peer: "effect-voice",
  sessions: Number(options.sessions),
  cycle: 200,
  speech: 50,
  warmSeconds: 5,
  seconds: Number(options.seconds),
  replyMs: 2_000,
  chunkMs: 20,
  pause: false
}
const modes: ReadonlyArray<readonly [label: string, load: Load]> = [
  ["driver and fakes alone", { ...base, peer: "none" }],
  ["off", { ...base, telemetry: { tracing: false, metrics: false } }],
  ["metrics", { ...base, telemetry: { tracing: false, metrics: true } }],
  ["traces, metrics and logs, sent", { ...base, telemetry: { tracing: true, metrics: true, endpoint } }]
]

/** The other side is not measured here. */
const ourselves = { missing: "" }
const rounds = Number(options.rounds)
const measured = modes.map((): Array<Measured> => [])
for (let round = 0; round < rounds; round++) {
  for (const [index, [label, load]] of modes.entries()) {
    process.stderr.write(`round ${round + 1}/${rounds}: ${label}\n`)
    measured[index]?.push(await run(load, ourselves))
  }
}
const came = once(receiver, "message")
receiver.send("how much")
const [received] = await came
receiver.disconnect()

const driver = median((measured[0] ?? []).map(({ cpuMs }) => cpuMs))
const off = median((measured[1] ?? []).map(({ cpuMs }) => cpuMs)) - driver
const figures = modes.slice(1).map(([label], index) => {
  const runs = measured[index + 1] ?? []
  const cpu = runs.map(({ cpuMs }) => cpuMs - driver)
  return {
    label,
    cpuMs: median(cpu),
    least: Math.min(...cpu),
    most: Math.max(...cpu),
    overPercent: 100 * (median(cpu) - off) / off,
    turnMs: median(runs.flatMap(({ turnMs }) => turnMs)),
    othersPercent: median(runs.flatMap(({ othersPercent }) => othersPercent ?? []))
  }
})
const machine = `${process.version} on ${cpus().length} x ${cpus()[0]?.model.trim() ?? process.arch}, ${
  priority.length > 0 ? "real-time priority" : "ordinary priority"
}, ${base.sessions} sessions, ${rounds} rounds of ${base.seconds} s`
process.stdout.write(
  [
    machine,
    `driver and fakes: ${driver.toFixed(2)} ms of CPU per session and second, subtracted below`,
    `the receiver took ${received.requests} requests, ${(received.bytes / 1000).toFixed(0)} kB`,
    "| telemetry | CPU ms per session-second (least to most) | over off | turn p50 ms | others' CPU % |",
    "|---|---|---|---|---|",
    ...figures.map(({ cpuMs, label, least, most, othersPercent, overPercent, turnMs }) =>
      `| ${label} | ${cpuMs.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)}) | ${
        label === "off" ? "" : `${overPercent.toFixed(1)} %`
      } | ${turnMs.toFixed(2)} | ${othersPercent.toFixed(0)} |`
    ),
    ""
  ].join("\n")
)
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify({ machine, driverMs: driver, received, figures }, undefined, 2)}\n`)
}
