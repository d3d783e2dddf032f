import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Resampler from "../../../src/audio/resampling/Resampler.ts"

const Rate = Schema.Int.check(Schema.isBetween({ minimum: 8000, maximum: 48000 }))
const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 700 })))

const sine = (rate: number, hz: number, samples: number, amplitude = 12000) =>
  Int16Array.from({ length: samples }, (_, i) => Math.round(amplitude * Math.sin(2 * Math.PI * hz * i / rate)))

/** The amplitude at `hz` and the power of everything else, in the middle 80 % where the ends do not count. */
const analyse = (samples: Int16Array, rate: number, hz: number) => {
  const from = Math.floor(samples.length * 0.1)
  const to = Math.floor(samples.length * 0.9)
  let re = 0
  let im = 0
  let power = 0
  for (let i = from; i < to; i++) {
    const phase = 2 * Math.PI * hz * i / rate
    re += samples[i]! * Math.cos(phase)
    im += samples[i]! * Math.sin(phase)
    power += samples[i]! ** 2
  }
  const n = to - from
  const amplitude = 2 * Math.hypot(re, im) / n
  return {
    amplitude,
    power: power / n,
    snr: 10 * Math.log10(amplitude ** 2 / 2 / Math.max(1e-9, power / n - amplitude ** 2 / 2)),
    /** 0 when the sine starts with the first sample, as the input's does. */
    phase: Math.atan2(re, im)
  }
}

const noise = (samples: number) => {
  let state = 12345
  return Int16Array.from({ length: samples }, () => {
    state = Math.imul(state, 1103515245) + 12345 | 0
    return state >> 18
  })
}

const inPieces = (resampler: Resampler.Resampler, input: Int16Array, sizes: ReadonlyArray<number>) => {
  const out: Array<Int16Array> = []
  let at = 0
  for (const size of [...sizes, input.length]) {
    out.push(resampler.process(input.subarray(at, at + size)).slice())
    at = Math.min(input.length, at + size)
  }
  out.push(resampler.flush().slice())
  return Pcm.concat(out)
}

describe("Resampler", () => {
  it.effect("loads once, with SIMD where the machine has it", () =>
    Effect.gen(function*() {
      const factory = yield* Resampler.load
      assert.strictEqual(yield* Resampler.load, factory)
      assert.isTrue(factory.simd)
    }))

  it.effect.prop(
    "keeps length and start at any pair of rates, however the input is cut",
    [Rate, Rate, Sizes, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 }))],
    ([from, to, sizes, length]) =>
      Effect.gen(function*() {
        const factory = yield* Resampler.load
        const input = noise(length)
        const whole = yield* Effect.fromResult(factory.convert(input, from, to))
        assert.strictEqual(whole.length, from === to ? length : Math.round(length * to / from))
        const resampler = yield* Resampler.scoped(from, to)
        assert.deepEqual(inPieces(resampler, input, sizes), whole)
        // A flushed resampler starts a new stream.
        assert.deepEqual(inPieces(resampler, input, [1, 2, 3]), whole)
      }),
    { arbitrary: { runs: 60 } }
  )

  const pairs = [
    [48000, 16000],
    [16000, 48000],
    [24000, 16000],
    [16000, 24000],
    [8000, 16000],
    [16000, 8000],
    [44100, 16000],
    [11025, 48000],
    [48000, 8000],
    [47999, 8001]
  ] as const

  for (const simd of [true, false]) {
    it.effect(`converts a sine at the limits of 16 bits, in time, ${simd ? "with" : "without"} SIMD`, () =>
      Effect.gen(function*() {
        const factory = yield* Effect.promise(() => Resampler.loadBuild(simd))
        assert.strictEqual(factory.simd, simd)
        for (const [from, to] of pairs) {
          const out = yield* Effect.fromResult(factory.convert(sine(from, 1000, from), from, to))
          const { amplitude, phase, snr } = analyse(out, to, 1000)
          assert.isAbove(snr, 80, `SNR ${from} -> ${to}`)
          assert.closeTo(amplitude, 12000, 60, `gain ${from} -> ${to}`)
          // A tenth of an output sample.
          assert.closeTo(phase, 0, 0.1 * 2 * Math.PI * 1000 / to, `alignment ${from} -> ${to}`)
        }
      }))
  }

  it.effect("has no aliases of tones above the new band", () =>
    Effect.gen(function*() {
      const factory = yield* Resampler.load
      for (const [from, to, hz] of [[48000, 16000, 10000], [48000, 8000, 6000], [24000, 16000, 11000]] as const) {
        const out = yield* Effect.fromResult(factory.convert(sine(from, hz, from), from, to))
        // 12000 is -11.7 dBFS; what is left is rounding.
        assert.isBelow(analyse(out, to, 1000).power, 1, `${hz} Hz, ${from} -> ${to}`)
      }
    }))

  it.effect("keeps the band of speech", () =>
    Effect.gen(function*() {
      const factory = yield* Resampler.load
      const out = yield* Effect.fromResult(factory.convert(sine(48000, 7000, 48000), 48000, 16000))
      assert.isAbove(20 * Math.log10(analyse(out, 16000, 7000).amplitude / 12000), -0.5)
    }))

  it.effect("passes equal rates through", () =>
    Effect.gen(function*() {
      const resampler = yield* Resampler.scoped(16000, 16000)
      const input = noise(320)
      assert.strictEqual(resampler.process(input), input)
      assert.strictEqual(resampler.flush().length, 0)
      assert.strictEqual(resampler.latencyMs, 0)
    }))

  it.effect("holds back no more than its latency", () =>
    Effect.gen(function*() {
      const resampler = yield* Resampler.scoped(48000, 16000)
      assert.closeTo(resampler.latencyMs, 2.5, 0.01)
      let samples = 0
      for (let i = 0; i < 50; i++) {
        samples += resampler.process(noise(960)).length
      }
      assert.isAtLeast(samples, 16000 - Math.ceil(resampler.latencyMs * 16) - 1)
    }))

  it.effect("keeps streams independent, also while the module's memory grows", () =>
    Effect.gen(function*() {
      // A module of its own, so that its memory starts small.
      const factory = yield* Effect.promise(() => Resampler.loadBuild(true))
      const input = noise(9600)
      const expected = yield* Effect.fromResult(factory.convert(input, 48000, 16000))
      const first = Result.getOrThrow(factory.make(48000, 16000))
      const others: Array<Resampler.Resampler> = []
      const out: Array<Int16Array> = []
      for (let at = 0; at < input.length; at += 960) {
        // The steepest ratios take about 230 KB each for their filter: 69 of them exceed the initial 16 MiB.
        for (let i = 0; i < 10; i++) {
          const other = Result.getOrThrow(factory.make(383999, 1001 + i))
          other.process(sine(383999, 440, 480))
          others.push(other)
        }
        out.push(first.process(input.subarray(at, at + 960)).slice())
      }
      out.push(first.flush().slice())
      assert.deepEqual(Pcm.concat(out), expected)
      assert.isAbove(factory.memoryBytes(), 17 * 2 ** 20)
      for (const other of others) {
        other.free()
      }
    }))

  it.effect("frees native memory, and returns nothing after that", () =>
    Effect.gen(function*() {
      const factory = yield* Resampler.load
      const before = factory.memoryBytes()
      // Would need 20 MB of the initial 16 MiB if free did nothing; the second free must not harm the states made after it.
      for (let i = 0; i < 2_000; i++) {
        const resampler = Result.getOrThrow(factory.make(47999, 8001))
        resampler.free()
        resampler.free()
        if (i === 1_999) {
          assert.strictEqual(resampler.process(noise(100)).length, 0)
          assert.strictEqual(resampler.flush().length, 0)
        }
      }
      assert.strictEqual(factory.memoryBytes(), before)
    }))

  it.effect("refuses rates that it cannot convert", () =>
    Effect.gen(function*() {
      for (const [from, to] of [[0, 16000], [16000, Number.NaN], [16000.5, 8000], [-1, 8000], [16000, 1e9]] as const) {
        const error = yield* Effect.flip(Effect.scoped(Resampler.scoped(from, to)))
        assert.strictEqual(error.code, "invalid_config")
      }
    }))
})
