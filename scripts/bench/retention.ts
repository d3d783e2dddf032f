/**
 * What a session waits for its archive while a sweep runs over many sessions that are kept: creating a session, and the writes
 * of a recording, alone and beside the sweep; and how long the sweep takes.
 *
 * Usage: `npm run bench -- retention`; `EFFECT_VOICE_KEPT` sets how many sessions are kept (100,000), and
 * `EFFECT_VOICE_SECONDS` how long is measured each time (30).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"

const kept = Number(process.env["EFFECT_VOICE_KEPT"] ?? 100_000)
const seconds = Number(process.env["EFFECT_VOICE_SECONDS"] ?? 30)
const directory = mkdtempSync(join(tmpdir(), "effect-voice-bench-"))
const periods = { audio: Duration.hours(72), transcript: Duration.hours(72) }
/** Half a second of a recording. */
const piece = new Uint8Array(32_000)

/** Sessions as every version has kept them. */
const fill = (now: number): void => {
  for (let i = 0; i < kept; i++) {
    const day = new Date(now - (i % 3) * 86_400_000).toISOString().slice(0, 10)
    const folder = join(directory, day, `ses_kept${i}`)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const expiresAt = { audio: now + 3_600_000 + i * 1_000, transcript: now + 3_600_000 + i * 1_000 }
    const manifest = { session: `ses_kept${i}`, userHash: "h", keptSince: now, expiresAt }
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest))
    writeFileSync(join(folder, "recording.wav"), new Uint8Array(44))
  }
}

const show = (times: ReadonlyArray<number>): string => {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1)
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)} ms`
}

/** What is asked of the archive while this long passes, at the rate of a few busy sessions. */
const measure = (archive: SessionArchive["Service"], name: string) =>
  Effect.gen(function*() {
    const begins: Array<number> = []
    const appends: Array<number> = []
    const delays: Array<number> = []
    const prefix = `ses_${name.replaceAll(" ", "-")}`
    const first = performance.now()
    yield* archive.begin({ session: "ses_live", userId: "u", periods })
    begins.push(performance.now() - first)
    const until = performance.now() + 1_000 * seconds
    for (let i = 0; performance.now() < until; i++) {
      const started = performance.now()
      yield* archive.begin({ session: `${prefix}${i}`, userId: "u", periods })
      const begun = performance.now()
      yield* archive.append("ses_live", "audio", piece, 44 + piece.length * (i % 100))
      const appended = performance.now()
      begins.push(begun - started)
      appends.push(appended - begun)
      yield* archive.finish(`${prefix}${i}`, periods)
      const slept = performance.now()
      yield* Effect.sleep("20 millis")
      delays.push(performance.now() - slept - 20)
    }
    process.stdout.write(
      `${name}\n  create: ${show(begins)}\n  append: ${show(appends)}\n  timers late: ${show(delays)}\n`
    )
  })

await Effect.runPromise(
  Effect.gen(function*() {
    process.stdout.write(`${kept} sessions kept\n`)
    fill(yield* Clock.currentTimeMillis)
    const archive = yield* SessionArchiveDirectory.make(directory)
    yield* measure(archive, "alone")
    for (const name of ["the first sweep", "a later sweep"]) {
      const started = performance.now()
      const cpu = process.cpuUsage()
      const sweep = yield* Effect.forkChild(archive.sweep)
      yield* measure(archive, `beside ${name}`)
      yield* Fiber.join(sweep)
      const { system, user } = process.cpuUsage(cpu)
      const tookS = (performance.now() - started) / 1_000
      process.stdout.write(`  ended after ${tookS.toFixed(1)} s; ${((system + user) / 1e6).toFixed(1)} s of CPU\n`)
    }
    const started = performance.now()
    yield* archive.sweep
    process.stdout.write(`a sweep with nothing new, alone: ${(performance.now() - started).toFixed(0)} ms\n`)
  }).pipe(Effect.scoped)
).finally(() => rmSync(directory, { recursive: true, force: true }))
