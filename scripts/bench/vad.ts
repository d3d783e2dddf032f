/**
 * What voice activity costs (B4): CPU of the whole process, worker included, per session and second, for sessions that
 * hear in real time, without the driver.
 *
 * Two kinds of users: one who speaks all the time (recordings end to end), and one who speaks a quarter of it, with a
 * room's noise at -70 dBFS between. The driver alone is measured in the same run and taken off. Each line is a process.
 *
 * Usage: `npm run bench -- vad`; `EFFECT_VOICE_SESSIONS` sets how many (100), `EFFECT_VOICE_SECONDS` how long (10).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { spawnSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import { ModelStore } from "../../src/models/ModelStore.ts"
import { VoiceActivityDetector, type VoiceActivityStream } from "../../src/speech/VoiceActivityDetector.ts"
import * as Recordings from "../../test/engines/Recordings.ts"

const kinds = ["none", "inline", "batched 16 kHz", "batched 8 kHz"] as const
type Kind = typeof kinds[number]
const users = ["always", "quarter"] as const
type User = typeof users[number]

const sessions = Number(process.env["EFFECT_VOICE_SESSIONS"] ?? 100)
const seconds = Number(process.env["EFFECT_VOICE_SECONDS"] ?? 10)
const WARM = 2

const layerOf = (kind: Kind) =>
  kind === "none"
    ? Layer.succeed(VoiceActivityDetector, {
      name: "none",
      sampleRate: 16_000,
      open: () => Effect.succeed({ push: () => {}, reset: () => {} })
    })
    : Silero.layer(
      kind === "inline"
        ? { mode: "inline" }
        : { mode: "batched", sampleRate: kind === "batched 8 kHz" ? 8_000 : 16_000 }
    ).pipe(Layer.provide(ModelStore.layer))

const heard = (user: User): Int16Array => {
  const speech = Pcm.concat(Recordings.recordings.map(Recordings.load))
  return user === "always" ? speech : Pcm.concat([speech, Recordings.room(3 * speech.length / 16_000)])
}

const drive = async (streams: ReadonlyArray<VoiceActivityStream>, pcm: Int16Array): Promise<number> => {
  const frames = Recordings.frames(pcm)
  const began = performance.now()
  let given = 0
  let cpu = process.cpuUsage()
  let from = began
  while (true) {
    const now = performance.now()
    if (now - began > (WARM + seconds) * 1000) {
      const used = process.cpuUsage(cpu)
      return (used.user + used.system) / 1000 / streams.length / ((now - from) / 1000)
    }
    if (from === began && now - began > WARM * 1000) {
      cpu = process.cpuUsage()
      from = now
    }
    // each session has its own moment within the 20 ms, and its own place in the recording
    while (began + given * 20 / streams.length <= now) {
      const session = given % streams.length
      const at = Math.floor(given++ / streams.length) + session * 37
      streams[session]?.push(frames[at % frames.length] ?? new Int16Array(320))
    }
    await sleep(1)
  }
}

if (process.argv[2] === "one") {
  const kind = process.argv[3] as Kind // from below
  const user = process.argv[4] as User
  let changes = 0
  const cpuMs = await Effect.runPromise(
    Effect.gen(function*() {
      const detector = yield* VoiceActivityDetector
      const streams: Array<VoiceActivityStream> = []
      for (let i = 0; i < sessions; i++) streams.push(yield* detector.open({ onActivity: () => changes++ }))
      return yield* Effect.promise(() => drive(streams, heard(user)))
    }).pipe(Effect.scoped, Effect.provide(layerOf(kind)))
  )
  process.stdout.write(JSON.stringify({ cpuMs, changes }))
} else {
  process.stdout.write(`${sessions} sessions, ${seconds} s each, ms of CPU per session and second without the driver\n`)
  for (const user of users) {
    let driver = 0
    for (const kind of kinds) {
      const { stderr, stdout } = spawnSync(process.execPath, [
        ...process.execArgv,
        import.meta.filename,
        "one",
        kind,
        user
      ], {
        encoding: "utf8"
      })
      if (stdout === "") {
        process.stdout.write(`  ${user} ${kind}: failed: ${stderr.split("\n", 3).join(" ")}\n`)
        process.exitCode = 1
        continue
      }
      const { changes, cpuMs }: { readonly cpuMs: number; readonly changes: number } = JSON.parse(stdout)
      if (kind === "none") driver = cpuMs
      process.stdout.write(
        kind === "none"
          ? `speaks ${user === "always" ? "all the time" : "a quarter of the time"} (the driver: ${cpuMs.toFixed(2)})\n`
          : `  ${kind.padEnd(16)} ${(cpuMs - driver).toFixed(2)}; ${changes} changes heard\n`
      )
    }
  }
}
