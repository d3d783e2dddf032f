/** The transform of real samples against its definition. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { RealFft } from "../../src/audio/Fft.ts"

const spectrum = (samples: Float64Array) => {
  const bins = samples.length / 2 + 1
  const real = new Float64Array(bins)
  const imaginary = new Float64Array(bins)
  for (let k = 0; k < bins; k++) {
    for (let i = 0; i < samples.length; i++) {
      const angle = -2 * Math.PI * ((k * i) % samples.length) / samples.length
      real[k]! += samples[i]! * Math.cos(angle)
      imaginary[k]! += samples[i]! * Math.sin(angle)
    }
  }
  return { real, imaginary }
}

const worst = (one: Float64Array, other: Float64Array) =>
  one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0)

const samplesOf = (length: number, seed: number) => {
  let state = seed >>> 0
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 31 - 1
  })
}

describe("RealFft", () => {
  it.effect.prop(
    "equals the sum of the definition, and its inverse gives the samples back, at every length it takes",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
    ],
    ([twos, threes, fives, seed]) =>
      Effect.sync(() => {
        const length = Math.min(2 * 2 ** twos * 3 ** threes * 5 ** fives, 1_200)
        const fft = new RealFft(length)
        const samples = samplesOf(length, seed)
        const real = new Float64Array(fft.bins)
        const imaginary = new Float64Array(fft.bins)
        fft.forward(samples, real, imaginary)
        const expected = spectrum(samples)
        assert.isBelow(worst(real, expected.real), 1e-9)
        assert.isBelow(worst(imaginary, expected.imaginary), 1e-9)
        const back = new Float64Array(length)
        fft.inverse(real, imaginary, back)
        assert.isBelow(worst(back, samples), 1e-12)
      })
  )

  it("refuses a length with another prime factor, or an odd one", () => {
    for (const length of [0, 1, 7, 14, 401, 1_100, Number.NaN, 2.5]) {
      assert.throws(() => new RealFft(length), RangeError, "length")
    }
  })
})
