import { describe, expect, it } from "vitest"
import * as RealFft from "../../src/audio/RealFft.ts"

const noise = (length: number): Float64Array => {
  let state = length
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** The definition. */
const transform = (signal: Float64Array): Float64Array => {
  const { length } = signal
  const spectrum = new Float64Array(length + 2)
  for (let k = 0; k <= length / 2; k++) {
    for (let n = 0; n < length; n++) {
      spectrum[2 * k]! += signal[n]! * Math.cos((2 * Math.PI * k * n) / length)
      spectrum[2 * k + 1]! -= signal[n]! * Math.sin((2 * Math.PI * k * n) / length)
    }
  }
  return spectrum
}

const furthest = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)

describe("RealFft", () => {
  it.each([4, 6, 8, 10, 12, 16, 20, 30, 36, 50, 60, 120, 400, 512, 1_200])(
    "transforms %i samples as defined",
    (length) => {
      const fft = RealFft.make(length)
      const signal = noise(length)
      const spectrum = new Float64Array(length + 2)
      fft.forward(signal, spectrum)
      expect(furthest(spectrum, transform(signal))).toBeLessThan(1e-10)
      const back = new Float64Array(length)
      fft.inverse(spectrum, back)
      expect(furthest(back, signal)).toBeLessThan(1e-13)
    }
  )

  it("reads no imaginary part of the first and the last bin", () => {
    const fft = RealFft.make(60)
    const spectrum = new Float64Array(62)
    fft.forward(noise(60), spectrum)
    const expected = new Float64Array(60)
    fft.inverse(spectrum, expected)
    spectrum[1] = 5
    spectrum[61] = -7
    const signal = new Float64Array(60)
    fft.inverse(spectrum, signal)
    expect(signal).toEqual(expected)
  })

  it.each([0, 1, 2, 2.5, 7, 14, 22, 401, 1_100, 1_202, NaN])("refuses a length of %i", (length) => {
    expect(() => RealFft.make(length)).toThrow(RangeError)
  })
})
