import { assert, describe, it } from "@effect/vitest"
import { DownToTelephone, UpFromTelephone } from "../../../src/audio/resampling/TelephoneRate.ts"

const tone = (rate: number, hz: number, seconds = 0.5) =>
  Int16Array.from({ length: rate * seconds }, (_, i) => Math.round(10_000 * Math.sin(2 * Math.PI * hz * i / rate)))

const down = (samples: Int16Array, chunk = 480): Int16Array => {
  const converter = new DownToTelephone()
  const out = new Int16Array(samples.length)
  let written = 0
  for (let at = 0; at < samples.length; at += chunk) {
    written += converter.process(samples.subarray(at, at + chunk), out.subarray(written))
  }
  return out.slice(0, written)
}

const up = (samples: Int16Array, chunk = 160): Int16Array => {
  const converter = new UpFromTelephone()
  const out = new Int16Array(3 * samples.length)
  let written = 0
  for (let at = 0; at < samples.length; at += chunk) {
    written += converter.process(samples.subarray(at, at + chunk), out.subarray(written))
  }
  return out.slice(0, written)
}

/** Decibels of the level against that of the tone; the filter's first and last samples are left out. */
const gain = (samples: Int16Array): number => {
  const middle = samples.subarray(200, samples.length - 200)
  const power = middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length
  return 10 * Math.log10(Math.max(power, 1e-3) / 5e7)
}

describe("TelephoneRate", () => {
  it("passes the telephone's band, and nothing that would come back as another tone", () => {
    for (const hz of [100, 1_000, 3_000, 3_400]) {
      assert.closeTo(gain(down(tone(24_000, hz))), 0, 0.5, `${hz} Hz down`)
      assert.closeTo(gain(up(tone(8_000, hz))), 0, 0.5, `${hz} Hz up`)
    }
    for (const hz of [4_700, 6_000, 9_000]) assert.isBelow(gain(down(tone(24_000, hz))), -55, `${hz} Hz down`)
  })

  it("gives a third and three times as many samples, however they are cut", () => {
    const fast = tone(24_000, 440)
    const slow = tone(8_000, 440)
    assert.strictEqual(down(fast).length, fast.length / 3)
    assert.strictEqual(up(slow).length, 3 * slow.length)
    for (const chunk of [1, 7, 4_000]) {
      assert.deepStrictEqual(down(fast, chunk), down(fast))
      assert.deepStrictEqual(up(slow, chunk), up(slow))
    }
  })

  it("clips instead of turning over", () => {
    const loud = Int16Array.from({ length: 2_400 }, (_, i) => i % 48 < 24 ? 32_767 : -32_768)
    const out = down(loud)
    // the overshoot of a square wave's edge would turn a maximum into a minimum
    for (let i = 40; i < out.length - 1; i++) assert.isBelow(Math.abs(out[i]! - out[i + 1]!), 65_000)
    assert.strictEqual(Math.max(...out), 32_767)
  })
})
