/**
 * What the embedded voices cost: `npm run bench -- voice`.
 *
 * The network and the signal part of `hibari` alone, on each ONNX runtime that is installed; then `hibari` and `flite` as
 * engines: time to the first audio of a sentence, CPU per second of speech, 20 sessions that speak at once, and which words of
 * replies the recogniser mishears (`-- voice --base`: the larger one). With `EFFECT_VOICE_WAV` set to a directory, it writes a
 * sentence of each voice there. Nothing here asserts a time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"
import type { BackendError } from "../../src/BackendError.ts"
import * as Flite from "../../src/engines/flite/index.ts"
import * as Hibari from "../../src/engines/hibari/index.ts"
import * as AcousticNetwork from "../../src/engines/hibari/network/AcousticNetwork.ts"
import { FRAME, RATE } from "../../src/engines/hibari/vocoder/Spectra.ts"
import { Vocoder } from "../../src/engines/hibari/vocoder/Vocoder.ts"
import * as OnnxRuntime from "../../src/engines/local/OnnxRuntime.ts"
import * as Moonshine from "../../src/engines/moonshine/index.ts"
import * as Silero from "../../src/engines/silero/index.ts"
import { TextToSpeech } from "../../src/speech/TextToSpeech.ts"
import { replies } from "../../test/engines/voices/Replies.ts"
import { reread } from "../../test/engines/voices/Reread.ts"
import { quantile } from "./Statistics.ts"

const RUNS = 30
const SESSIONS = 20
const sentences = [
  "Hello, how can I help you today?",
  "Your parcel left the depot this morning and should arrive by noon.",
  "There are two rooms left, both on the third floor.",
  "I will send you a message when the package arrives.",
  "Sure."
]

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const ms = (value: number): string => `${value.toFixed(1)} ms`
const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(since)
  return (system + user) / 1000
}

/** CPU of one run, of the fastest of `RUNS` and of the middle one. */
const cost = async (run: () => unknown): Promise<string> => {
  const times: Array<number> = []
  for (let i = 0; i < RUNS; i++) {
    const before = process.cpuUsage()
    await run()
    times.push(cpuMs(before))
  }
  return `${ms(Math.min(...times))} at best, ${ms(quantile(times, 0.5))} at p50`
}

const parts = async (): Promise<void> => {
  const golden: ReadonlyArray<{ readonly ids: ReadonlyArray<number>; readonly text: string }> = JSON.parse(
    readFileSync(join("test", "fixtures", "hibari", "waveform.json"), "utf8")
  )
  const { ids, text } = golden[1]!
  const model = readFileSync(join("src", "engines", "hibari", "model", "hibari.onnx"))
  for (const name of OnnxRuntime.PACKAGES) {
    const runtime = await OnnxRuntime.load([name]).catch(() => undefined)
    if (runtime === undefined) continue
    const before = process.cpuUsage()
    const network = await AcousticNetwork.load(runtime, model)
    const loaded = cpuMs(before)
    const { spectra } = await network(ids, 1)
    const seconds = (FRAME * spectra.frames) / RATE
    print(`${name}, CPU for "${text}" (${seconds.toFixed(2)} s with its silence):`)
    print(`  loading ${ms(loaded)}; network ${await cost(() => network(ids, 1))}`)
    const piece = new Float32Array(16 * FRAME)
    const vocoder = await cost(() => {
      const making = new Vocoder(spectra, 1)
      while (making.give(piece) > 0);
    })
    print(`  signal part ${vocoder}`)
  }
}

const engine = (name: string) =>
  Effect.gen(function*() {
    const tts = yield* TextToSpeech
    const speak = (sessionId: string, text: string) =>
      Effect.scoped(Effect.gen(function*() {
        const voice = yield* tts.open({ sessionId })
        const from = performance.now()
        let first = 0
        const chunks = yield* voice.speak(Stream.make(text)).pipe(
          Stream.tap(() =>
            Effect.sync(() => {
              if (first === 0) first = performance.now() - from
            })
          ),
          Stream.runCollect
        )
        return { first, pcm: Pcm.concat(chunks.map(({ pcm }) => pcm)) }
      }))

    for (const sentence of sentences) yield* speak("warm", sentence)
    const before = process.cpuUsage()
    const firsts: Array<number> = []
    let seconds = 0
    for (let i = 0; i < 6; i++) {
      for (const sentence of sentences) {
        const { first, pcm } = yield* speak("one", sentence)
        firsts.push(first)
        seconds += pcm.length / tts.sampleRate
      }
    }
    print(
      `${name}: first audio p50 ${ms(quantile(firsts, 0.5))}, p95 ${ms(quantile(firsts, 0.95))}; ` +
        `CPU ${ms(cpuMs(before) / seconds)} per second of speech; RSS ${Math.round(process.memoryUsage().rss / 1e6)} MB`
    )
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const many = yield* Effect.forEach(
      Array.from({ length: SESSIONS }, (_, i) => `s${i}`),
      (session, i) => speak(session, sentences[i % sentences.length]!),
      { concurrency: "unbounded" }
    )
    delay.disable()
    const all = many.map(({ first }) => first)
    print(
      `  ${SESSIONS} sessions at once: first audio p50 ${ms(quantile(all, 0.5))}, max ${ms(Math.max(...all))}; ` +
        `longest stall of the sessions' thread ${ms(delay.max / 1e6 - 5)}`
    )
    const directory = process.env["EFFECT_VOICE_WAV"]
    if (directory === undefined) return
    const { pcm } = yield* speak("wav", sentences[1]!)
    writeFileSync(join(directory, `${name}.wav`), Wav.encode(pcm, { sampleRate: tts.sampleRate }))
  })

const heard = (name: string, model: "tiny" | "base") =>
  Effect.gen(function*() {
    const { misheard, words, wrong } = yield* reread(replies)
    print(
      `${name}, heard by moonshine ${model}: ${wrong} of ${words} words misheard (${
        ((100 * wrong) / words).toFixed(1)
      } %)`
    )
    for (const { heard, reply, wrong } of misheard) print(`  ${wrong.join(", ")}: "${reply}", heard "${heard}"`)
  }).pipe(Effect.provide(Layer.merge(Moonshine.definition.layer({ model }), Silero.definition.layer({}))))

const voices: ReadonlyArray<readonly [string, Layer.Layer<TextToSpeech, BackendError>]> = [
  ["hibari", Hibari.layer()],
  ["flite", Flite.layer()]
]

await parts()
const model = process.argv.includes("--base") ? "base" : "tiny"
for (const [name, layer] of voices) {
  await Effect.runPromise(Effect.provide(Effect.andThen(engine(name), heard(name, model)), layer))
}
