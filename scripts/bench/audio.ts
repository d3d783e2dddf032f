/**
 * Measures the time of one 20 ms frame in the audio primitives: `npx node scripts/bench/audio.ts`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { AutomaticGain } from "../../src/audio/AutomaticGain.ts"
import { Framer } from "../../src/audio/Framer.ts"
import * as G711 from "../../src/audio/G711.ts"
import * as Gain from "../../src/audio/Gain.ts"
import { JitterBuffer } from "../../src/audio/jitter/JitterBuffer.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import { SampleRing } from "../../src/audio/SampleRing.ts"
import * as Rnnoise from "../../src/engines/rnnoise/index.ts"
import * as AudioProcessor from "../../src/hooks/AudioProcessor.ts"
import { AudioInput } from "../../src/session/input/AudioInput.ts"
import * as ProcessorChain from "../../src/session/input/ProcessorChain.ts"
import * as SuppressorProcessor from "../../src/session/input/SuppressorProcessor.ts"
import { NoiseSuppressor } from "../../src/speech/NoiseSuppressor.ts"

const rounds = 5
const frames = 20_000

const speech = (rate: number) =>
  Int16Array.from({ length: rate / 50 }, (_, i) => Math.round(8000 * Math.sin(2 * Math.PI * 440 * i / rate)))

const measure = (name: string, frame: (i: number) => unknown) => {
  const times: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < frames; i++) {
      frame(round * frames + i)
    }
    times.push(Number(process.hrtime.bigint() - start) / frames)
  }
  // The first round compiles.
  const sorted = times.slice(1).sort((a, b) => a - b)
  process.stdout.write(`${name.padEnd(38)} ${sorted[sorted.length >> 1]!.toFixed(0).padStart(8)} ns / frame\n`)
}

const main = Effect.gen(function*() {
  const factory = yield* Resampler.load
  const plain = yield* Effect.promise(() => Resampler.loadBuild(false))
  for (
    const [from, to] of [[48000, 16000], [16000, 48000], [24000, 48000], [24000, 16000], [8000, 16000], [
      44100,
      16000
    ]] as const
  ) {
    const input = speech(from)
    const resampler = yield* Effect.fromResult(factory.make(from, to))
    measure(`resample ${from} -> ${to}`, () => resampler.process(input))
    resampler.free()
  }
  const slow = yield* Effect.fromResult(plain.make(48000, 16000))
  const wide = speech(48000)
  measure("resample 48000 -> 16000 without SIMD", () => slow.process(wide))
  const same = yield* Effect.fromResult(factory.make(16000, 16000))
  const frame16 = speech(16000)
  measure("resample 16000 -> 16000", () => same.process(frame16))

  const frame8 = speech(8000)
  const code = new Uint8Array(160)
  const decoded = new Int16Array(160)
  measure("encode µ-law 8000", () => G711.encodeMuLaw(frame8, code))
  measure("decode µ-law 8000", () => G711.decodeMuLaw(code, decoded))
  measure("encode A-law 8000", () => G711.encodeALaw(frame8, code))
  measure("decode A-law 8000", () => G711.decodeALaw(code, decoded))

  let seen = 0
  const framer = new Framer(320, () => seen++)
  measure("framer, whole frames of 320", () => framer.push(frame16))
  const odd = new Framer(320, () => seen++)
  const piece = frame16.subarray(0, 160)
  odd.push(frame16.subarray(0, 100))
  measure("framer, halves across frames", () => {
    odd.push(piece)
    odd.push(piece)
  })
  const reader = new Pcm.PcmReader()
  const bytes = Pcm.fromInt16(frame16)
  measure("reader, aligned frames of 640 bytes", () => reader.push(bytes))
  const ring = new SampleRing(16000)
  measure("ring, 320 samples", () => ring.push(frame16))
  measure("level of 320 samples", () => Pcm.rmsDbfs(frame16))
  const floats = new Float32Array(320)
  measure("to float, 320 samples", () => Pcm.toFloat32(frame16, floats))

  const payload = new Uint8Array(80)
  const jitter = new JitterBuffer<Uint8Array>()
  measure("jitter buffer, push and pull", (i) => {
    jitter.push(i & 0xffff, i * 960 >>> 0, payload, i * 20 + i % 7)
    return jitter.pull()
  })

  const gain = Gain.make(6)
  const louder = new AutomaticGain({ sampleRate: 16_000, targetDbfs: -20, maxGainDb: 24, maxCutDb: 12, gateDbfs: -55 })
  const again = speech(16_000)
  measure("gain, soft", () => {
    again.set(frame16)
    return gain(again)
  })
  measure("automatic gain", () => {
    again.set(frame16)
    return louder.process(again)
  })
  const through = Effect.fnUntraced(function*(name: string, entries: ReadonlyArray<ProcessorChain.ProcessorEntry>) {
    const chain = yield* ProcessorChain.make(entries, {
      sessionId: "bench",
      metadata: () => ({}),
      timeout: Duration.seconds(5),
      onIncident: (incident) => process.stdout.write(`${incident.name} ${incident.what}\n`)
    })
    const input = new AudioInput<string>(factory, () => {}, chain)
    let heard = 0
    for (const branch of ["stt", "vad", "receive"] as const) {
      input.add({ sampleRate: 16_000, branch, push: (pcm) => heard += pcm.length })
    }
    measure(`input, ${name}`, () => input.push(frame16))
  }, Effect.scoped)
  yield* through("no processors", [])
  const same16 = AudioProcessor.sync({ name: "identity", process: (pcm) => pcm })
  yield* through("one that does nothing", [
    { open: Effect.succeed(same16), appliesTo: ["stt", "vad", "receive"], onFailure: "bypass" }
  ])
  const suppressor = yield* Effect.provide(NoiseSuppressor, Rnnoise.layer())
  yield* through("rnnoise", [SuppressorProcessor.entry(suppressor)])
})

Effect.runPromise(main)
