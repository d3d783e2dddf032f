/**
 * `npm run soak -- --minutes N --sessions M`: users with recordings, interruptions, faults and hang-ups by chance, against
 * a real `serve` with the embedded engines, for N minutes; then prints a report and exits 1 if a promise was broken.
 *
 * Two cores carry about 8 users: each spoken second costs the embedded recogniser some 50 ms of CPU, interim words
 * included. `--seed` plays the same scenes again. `--json FILE` writes all figures.
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Recordings from "../../test/engines/Recordings.ts"
import { quantile } from "../bench/Statistics.ts"
import type { Inside } from "./Inside.ts"
import * as Report from "./Report.ts"
import * as Scene from "./Scene.ts"
import { type Spoken, User } from "./User.ts"

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    sessions: { type: "string", default: "6" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    json: { type: "string" }
  }
})
const minutes = Number(options.minutes)
const users = Number(options.sessions)
const seed = Number(options.seed)
if (!(minutes > 0) || !Number.isInteger(users) || users < 1 || !Number.isInteger(seed)) {
  process.stderr.write("usage: npm run soak -- [--minutes 5] [--sessions 6] [--seed N] [--json FILE]\n")
  process.exit(2)
}

/** The end of a recording: the last position within 30 dB of its loudest 32 ms. */
const endOf = (pcm: Int16Array): number => {
  const levels = Array.from(
    { length: Math.floor(pcm.length / 512) },
    (_, i) => Pcm.rmsDbfs(pcm.subarray(512 * i, 512 * i + 512))
  )
  return 512 * (levels.findLastIndex((level) => level > Math.max(...levels) - 30) + 1)
}
const recordings = Recordings.recordings.map((name): Spoken => {
  const pcm = Recordings.load(name)
  return { pcm, text: Recordings.references[name], end: endOf(pcm) }
})

const directory = mkdtempSync(join(tmpdir(), "effect-voice-soak-"))
const database = join(directory, "sessions.db")
const config = join(directory, "voice.json")
writeFileSync(
  config,
  JSON.stringify({
    server: { port: 0 },
    store: { kind: "sqlite", path: database },
    session: { resume_window: "10 seconds" },
    max_concurrent_sessions: 3 * users + 10
  })
)

const started = performance.now()
const server: ChildProcess = spawn(
  process.execPath,
  [
    "--disable-warning=ExperimentalWarning",
    "--expose-gc",
    "--import",
    join(import.meta.dirname, "Inside.ts"),
    "src/cli/main.ts",
    "serve",
    "--config",
    config
  ],
  { stdio: ["ignore", "pipe", "pipe", "ipc"] }
)
const exit = new Promise<number | null>((resolve) => server.once("exit", (code) => resolve(code)))
let output = ""
const base = await new Promise<string>((resolve, reject) => {
  const read = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-100_000)
    const found = /http:\/\/[\d.]+:\d+/u.exec(output)
    if (found !== null) resolve(found[0])
  }
  server.stdout?.on("data", read)
  server.stderr?.on("data", read)
  server.once("exit", (code) => reject(new Error(`serve ended with ${code}: ${output}`)))
})

const sessions = async (): Promise<number> => {
  const listed: { readonly sessions: ReadonlyArray<unknown> } = JSON.parse(
    await (await fetch(`${base}/v1/sessions`)).text()
  )
  return listed.sessions.length
}

const sample = async (): Promise<Report.Sample> => {
  const inside = await new Promise<Inside>((resolve, reject) => {
    server.once("message", resolve)
    server.send("look", (error) => error === null ? undefined : reject(error))
  })
  const process = `/proc/${server.pid}`
  const stat = readFileSync(join(process, "stat"), "utf8").split(") ")[1]!.split(" ")
  return {
    ...inside,
    at: (performance.now() - started) / 1000,
    files: readdirSync(join(process, "fd")).length,
    threads: readdirSync(join(process, "task")).length,
    // in ticks of 10 ms
    cpuMs: 10 * (Number(stat[11]) + Number(stat[12])),
    sessions: await sessions()
  }
}

const stop = new AbortController()
process.once("SIGINT", () => stop.abort())
const next = Scene.chance(seed)
const tally = Report.tally()
const present = new Set<User>()
// one timer for all microphones; frames that are late are sent together
let ticks = 0
const microphones = setInterval(() => {
  while (ticks * 20 < performance.now() - started) {
    ticks++
    for (const user of present) user.tick()
  }
}, 5)
ticks = Math.floor((performance.now() - started) / 20)

let scenes = 0
const guest = async (): Promise<void> => {
  while (!stop.signal.aborted) {
    const name = `scene ${++scenes}`
    const scene = Scene.scene(next, recordings.length)
    const user = new User(base, recordings, tally, stop.signal)
    present.add(user)
    await user.play(scene, name).catch((error: unknown) =>
      tally.unexpected.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    )
    present.delete(user)
    await sleep(200 + 1_000 * next())
  }
}

process.stderr.write(`${base}, seed ${seed}\n`)
const before = await sample()
const samples: Array<Report.Sample> = []
const guests = Array.from({ length: users }, async (_, index) => {
  await sleep(300 * index)
  return guest()
})
const until = performance.now() + 60_000 * minutes
while (performance.now() < until && !stop.signal.aborted && server.exitCode === null) {
  await sleep(Math.min(60_000, until - performance.now()), undefined, { signal: stop.signal }).catch(() => {})
  if (server.exitCode !== null) break
  const now = await sample()
  samples.push(now)
  process.stderr.write(
    `${
      (now.at / 60).toFixed(1)
    } min: ${tally.sessions} sessions, ${tally.answered} of ${tally.turns} turns, answer p95 ${
      quantile(tally.answerMs, 0.95).toFixed(0)
    } ms, heap ${((now.heap + now.external) / 1e6).toFixed(0)} MB, RSS ${
      (now.rss / 1e6).toFixed(0)
    } MB, files ${now.files}, ${tally.unexpected.length} unexpected\n`
  )
}
stop.abort()
await Promise.race([Promise.all(guests), sleep(150_000)])
clearInterval(microphones)
if (server.exitCode !== null) {
  process.stdout.write(`the server died with ${server.exitCode}:\n${output.slice(-4_000)}\n`)
  process.exit(1)
}
// lost and frozen clients take two pings and the resume window to end
for (let waited = 0; waited < 90 && await sessions() > 0; waited++) await sleep(1_000)
await sleep(2_000)
const after = await sample()
const asked = performance.now()
server.kill("SIGTERM")
const code = await Promise.race([exit, sleep(40_000, null)])
const took = performance.now() - asked
if (code === null) server.kill("SIGKILL")
const kept = new DatabaseSync(database, { readOnly: true })
const tables = kept.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%session%'").all()
const stored = tables.reduce(
  (sum, { name }) => sum + Number(kept.prepare(`SELECT count(*) AS n FROM "${String(name)}"`).get()?.["n"]),
  0
)
kept.close()
rmSync(directory, { recursive: true, force: true })

const outcome: Report.Outcome = {
  minutes,
  users,
  tally,
  samples,
  before,
  after,
  stored,
  exit: { code, ms: took }
}
process.stdout.write(`seed ${seed}\n${Report.text(outcome)}\n`)
if (tally.unexpected.length > 0) process.stdout.write(`\nunexpected:\n${tally.unexpected.slice(0, 50).join("\n")}\n`)
if (options.json !== undefined) {
  writeFileSync(
    options.json,
    `${JSON.stringify({ ...outcome, seed, verdicts: Report.verdicts(outcome) }, undefined, 2)}\n`
  )
}
process.exit(Report.verdicts(outcome).every(({ kept }) => kept) ? 0 : 1)
