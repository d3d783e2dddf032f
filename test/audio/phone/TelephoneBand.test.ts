import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { RATE } from "../../../src/audio/phone/PhoneRate.ts"
import { TelephoneBand } from "../../../src/audio/phone/TelephoneBand.ts"

const sine = (hz: number) =>
  Int16Array.from({ length: 2 * RATE }, (_, i) => Math.round(12_000 * Math.sin(2 * Math.PI * hz * i / RATE)))

/** By how many dB a tone is louder or quieter once the filter has settled. */
const gainDb = (hz: number) => {
  const power = (samples: Int16Array) => samples.subarray(RATE).reduce((sum, sample) => sum + sample ** 2, 0)
  return 10 * Math.log10(power(new TelephoneBand().process(sine(hz))) / power(sine(hz)))
}

const Sample = Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 }))
const Samples = Schema.Array(Sample).check(Schema.isMaxLength(600))
const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })))

describe("TelephoneBand", () => {
  it("passes 300 to 3,400 Hz and nothing else", () => {
    for (const hz of [500, 1_000, 2_000, 3_000]) assert.closeTo(gainDb(hz), 0, 0.6, `${hz} Hz`)
    for (const hz of [300, 3_400]) assert.closeTo(gainDb(hz), -3, 0.1, `${hz} Hz`)
    for (const hz of [50, 100, 150, 3_800]) assert.isBelow(gainDb(hz), -20, `${hz} Hz`)
  })

  it.prop("gives the same however the stream is cut, and no offset", [Samples, Sizes], ([samples, sizes]) => {
    const whole = new TelephoneBand().process(Int16Array.from(samples))
    const band = new TelephoneBand()
    const pieces = Int16Array.from(samples)
    let at = 0
    for (const size of [...sizes, samples.length]) {
      band.process(pieces.subarray(at, at + size))
      at = Math.min(samples.length, at + size)
    }
    assert.deepEqual(pieces, whole)
    // what rings on dies away to silence
    const rest = band.process(new Int16Array(RATE))
    assert.isTrue(rest.subarray(RATE / 2).every((sample) => sample === 0))
  })

  it("clips what overshoots, and wraps nothing", () => {
    // full scale, back and forth: the filter overshoots at every edge
    const square = (amplitude: number) =>
      Int16Array.from({ length: RATE }, (_, i) => Math.floor(i / 8) % 2 === 0 ? amplitude : -amplitude)
    const loud = new TelephoneBand().process(square(32_000))
    const quiet = new TelephoneBand().process(square(8_000))
    assert.isTrue(loud.includes(32_767) && loud.includes(-32_768))
    loud.forEach((sample, i) => assert.closeTo(sample, Math.max(-32_768, Math.min(32_767, 4 * quiet[i]!)), 3))
  })
})
