/**
 * The two ONNX runtimes beside each other, in one run: `onnxruntime-node` (native) and `onnxruntime-web` (WebAssembly), for
 * what is run on them: the turn detector, the voice, the voice activity detector.
 *
 * Each figure is taken in a process of its own, the two in turn. CPU is that of the whole process. Memory is what the process
 * grew by. Nothing here asserts a time.
 *
 * Usage: `npm run bench -- runtimes`; `EFFECT_VOICE_ROUNDS` sets how often each is measured (3).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { loadavg } from "node:os"
import { join } from "node:path"
import * as Hibari from "../../src/engines/hibari/index.ts"
import * as OnnxRuntime from "../../src/engines/local/OnnxRuntime.ts"
import { shapes } from "../../src/engines/silero/BatchProtocol.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import * as SmartTurn from "../../src/engines/smart-turn/index.ts"
import { ModelStore } from "../../src/models/ModelStore.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { TurnDetector } from "../../src/speech/TurnDetector.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as Recordings from "../../test/engines/Recordings.ts"
import { median, quantile } from "./Statistics.ts"

type Figures = Readonly<Record<string, number>>

const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(since)
  return (system + user) / 1000
}
const rssMb = (): number => process.memoryUsage.rss() / 1e6

/** CPU and wall time of each of some runs, in ms; the median of each. */
const cost = async (runs: number, run: () => Promise<unknown>) => {
  const cpu: Array<number> = []
  const wall: Array<number> = []
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage()
    const from = performance.now()
    await run()
    wall.push(performance.now() - from)
    cpu.push(cpuMs(before))
  }
  return { cpu: median(cpu), wall: median(wall) }
}

const smartTurn = Effect.gen(function*() {
  const rss = rssMb()
  const from = performance.now()
  const turns = yield* Effect.map(TurnDetector, ({ listen, probe }) => ({ listen, probe }))
  yield* turns.probe ?? Effect.void
  const load = performance.now() - from
  const pcm = Recordings.load("prudently")
  const { cpu, wall } = yield* Effect.promise(() =>
    cost(12, () => Effect.runPromise(turns.listen?.(pcm.slice()) ?? Effect.void))
  )
  return {
    "smart-turn: a verdict, ms of CPU": cpu,
    "smart-turn: a verdict, ms until it is there": wall,
    "smart-turn: loading, ms": load,
    "smart-turn: memory, MB": rssMb() - rss
  }
}).pipe(Effect.provide(SmartTurn.layer()), Effect.scoped)

const sentences = [
  "Hello, how can I help you today?",
  "Your parcel left the depot this morning and should arrive by noon.",
  "There are two rooms left, both on the third floor.",
  "I will send you a message when the package arrives.",
  "Sure."
]

const hibari = Effect.gen(function*() {
  const rss = rssMb()
  const began = performance.now()
  const speaking = Effect.gen(function*() {
    const load = performance.now() - began
    const tts = yield* TextToSpeech
    const voice = yield* tts.open({ sessionId: "bench" })
    const firsts: Array<number> = []
    let samples = 0
    const speak = (text: string) => {
      const from = performance.now()
      let isFirst = true
      return voice.speak(Stream.make(text)).pipe(Stream.runForEach(({ pcm }) =>
        Effect.sync(() => {
          if (isFirst) firsts.push(performance.now() - from)
          isFirst = false
          samples += pcm.length
        })
      ))
    }
    yield* Effect.forEach(sentences, speak)
    firsts.length = 0
    samples = 0
    const before = process.cpuUsage()
    for (let i = 0; i < 6; i++) yield* Effect.forEach(sentences, speak)
    return {
      "hibari: first audio p50, ms": quantile(firsts, 0.5),
      "hibari: first audio p95, ms": quantile(firsts, 0.95),
      "hibari: a second of speech, ms of CPU": cpuMs(before) / (samples / tts.sampleRate),
      "hibari: loading, ms": load,
      "hibari: memory, MB": rssMb() - rss
    }
  })
  return yield* speaking.pipe(Effect.provide(Hibari.layer()), Effect.scoped)
})

const RATE = 8_000
const { context, window } = shapes[RATE]

/** The network alone, in this thread. */
const network = Effect.gen(function*() {
  const { files } = yield* (yield* ModelStore).ensure("silero-vad")
  return yield* Effect.promise(async () => {
    const onnx = await OnnxRuntime.load()
    const session = await onnx.createSession(readFileSync(files["silero_vad.onnx"] ?? ""))
    const perWindow = async (batch: number): Promise<number> => {
      const input = onnx.float32(new Float32Array(batch * (context + window)).fill(0.01), [batch, context + window])
      const state = onnx.float32(new Float32Array(256 * batch), [2, batch, 128])
      const sr = onnx.int64(BigInt64Array.of(BigInt(RATE)), [])
      const some = async () => {
        for (let i = 0; i < 200; i++) await session.run({ input, state, sr })
      }
      await some()
      return 1000 * (await cost(5, some)).cpu / 200 / batch
    }
    return {
      "silero: 32 ms in a batch of 1, µs of CPU": await perWindow(1),
      "silero: 32 ms in a batch of 32, µs of CPU": await perWindow(32)
    }
  })
}).pipe(Effect.provide(ModelStore.layer))

/** The engine: what it takes for recordings that come as fast as they are taken. */
const silero = (mode: "batched" | "inline") =>
  Effect.gen(function*() {
    const rss = rssMb()
    const began = performance.now()
    return yield* Effect.gen(function*() {
      const load = performance.now() - began
      yield* VoiceActivityDetector
      const pcm = Recordings.inRoom(Recordings.load("prudently"))
      const { cpu } = yield* Effect.promise(() => cost(1, () => Promise.resolve()))
      const before = process.cpuUsage()
      for (let i = 0; i < 10; i++) yield* Recordings.detect(pcm)
      return {
        [`silero ${mode}: a second of speech, ms of CPU`]: (cpuMs(before) - cpu) / (10 * pcm.length / 16_000),
        [`silero ${mode}: loading, ms`]: load,
        [`silero ${mode}: memory, MB`]: rssMb() - rss
      }
    }).pipe(Effect.provide(Silero.layer({ mode })))
  }).pipe(Effect.provide(ModelStore.layer))

const parts: Readonly<Record<string, Effect.Effect<Figures, unknown>>> = {
  smartTurn,
  hibari,
  network,
  batched: silero("batched"),
  inline: silero("inline")
}

const megabytes = (...path: ReadonlyArray<string>): number => {
  let bytes = 0
  for (const file of readdirSync(join(...path), { recursive: true, withFileTypes: true })) {
    if (file.isFile()) bytes += statSync(join(file.parentPath, file.name)).size
  }
  return bytes / 1e6
}

const flags = {
  "onnxruntime-node": [],
  "onnxruntime-web": ["--import", "./scripts/bench/WithoutNative.mjs"]
} as const satisfies Record<string, ReadonlyArray<string>>

const compare = (): void => {
  const rounds = Number(process.env["EFFECT_VOICE_ROUNDS"] ?? 3)
  const measured = new Map<string, Map<string, Array<number>>>()
  const note = (what: string, runtime: string, value: number): void => {
    const row = measured.get(what) ?? new Map<string, Array<number>>()
    row.set(runtime, [...row.get(runtime) ?? [], value])
    measured.set(what, row)
  }
  const load = loadavg()[0]
  for (let round = 0; round < rounds; round++) {
    for (const part of Object.keys(parts)) {
      for (const [runtime, imports] of Object.entries(flags)) {
        const args = [...imports, ...process.execArgv, import.meta.filename, "one", part]
        const { stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
        if (stdout === "") {
          process.stdout.write(`${part} on ${runtime} failed: ${stderr.split("\n", 4).join(" ")}\n`)
          process.exitCode = 1
          continue
        }
        const figures: Figures = JSON.parse(stdout)
        for (const [what, value] of Object.entries(figures)) note(what, runtime, value)
      }
    }
  }
  note("installed, MB", "onnxruntime-node", megabytes("node_modules", "onnxruntime-node"))
  const dist = ["node_modules", "onnxruntime-web", "dist"]
  const used = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]
  note(
    "installed, MB",
    "onnxruntime-web",
    used.reduce((sum, name) => sum + statSync(join(...dist, name)).size, 0) / 1e6
  )
  process.stdout.write(
    `load average ${load?.toFixed(1)}, then ${loadavg()[0]?.toFixed(1)}; median of ${rounds} rounds\n`
  )
  process.stdout.write(`| | ${Object.keys(flags).join(" | ")} |\n|---|---|---|\n`)
  for (const [what, row] of measured) {
    const cells = Object.keys(flags).map((runtime) => median(row.get(runtime) ?? []).toFixed(1))
    process.stdout.write(`| ${what} | ${cells.join(" | ")} |\n`)
  }
}

const part = process.argv[2] === "one" ? parts[process.argv[3] ?? ""] : undefined
if (part === undefined) compare()
else process.stdout.write(JSON.stringify(await Effect.runPromise(part)))
