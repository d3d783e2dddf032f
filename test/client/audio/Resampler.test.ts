import { assert, describe, it } from "@effect/vitest"
import { fromPcm16, PcmFramer, toPcm16 } from "../../../src/client/audio/PcmFramer.ts"
import { Resampler } from "../../../src/client/audio/Resampler.ts"

const sine = (rate: number, hz: number, seconds: number) =>
  Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate))

const inChunks = (resampler: Resampler, input: Float32Array, size: (i: number) => number): Float32Array => {
  const out: Array<number> = []
  for (let at = 0, i = 0; at < input.length; i++) {
    const length = size(i)
    out.push(...resampler.process(input.subarray(at, at + length)))
    at += length
  }
  return Float32Array.from(out)
}

const rms = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)

/** The strength of one frequency, as the amplitude of a sine. */
const amplitude = (samples: Float32Array, rate: number, hz: number) => {
  let re = 0
  let im = 0
  samples.forEach((x, i) => {
    re += x * Math.cos((2 * Math.PI * hz * i) / rate)
    im += x * Math.sin((2 * Math.PI * hz * i) / rate)
  })
  return (2 * Math.hypot(re, im)) / samples.length
}

const pairs: ReadonlyArray<readonly [number, number]> = [
  [48_000, 16_000],
  [44_100, 16_000],
  [8_000, 16_000],
  [96_000, 16_000],
  [24_000, 48_000],
  [24_000, 44_100],
  [22_050, 16_000]
]

describe("Resampler", () => {
  it("keeps a 1 kHz tone's pitch and strength at every rate", () => {
    for (const [from, to] of pairs) {
      const out = new Resampler(from, to).process(sine(from, 1_000, 0.5))
      const middle = out.subarray(Math.round(to * 0.1), Math.round(to * 0.4))
      assert.closeTo(amplitude(middle, to, 1_000), 0.5, 0.005, `${from} -> ${to}`)
      assert.closeTo(rms(middle), 0.5 / Math.SQRT2, 0.005, `${from} -> ${to}`)
    }
  })

  it("gives the same samples however the input is cut", () => {
    for (const [from, to] of pairs) {
      const input = sine(from, 440, 0.3)
      const whole = new Resampler(from, to).process(input)
      for (const size of [() => 1, () => 128, (i: number) => 1 + (i * 37) % 300]) {
        assert.deepStrictEqual(inChunks(new Resampler(from, to), input, size), whole, `${from} -> ${to}`)
      }
    }
  })

  it("neither gains nor loses time over a minute", () => {
    for (const [from, to] of pairs) {
      const out = new Resampler(from, to).process(new Float32Array(from * 60))
      // The filter keeps its second half back, below 2 ms.
      assert.isAtMost(Math.abs(out.length - to * 60), Math.ceil(to * 0.003), `${from} -> ${to}`)
    }
  })

  it("removes what would alias", () => {
    const out = new Resampler(48_000, 16_000).process(sine(48_000, 11_000, 0.5))
    assert.isBelow(rms(out.subarray(2_000, 6_000)), 0.001)
  })
})

describe("PcmFramer", () => {
  it("makes 20 ms frames of the rate asked for", () => {
    const frames: Array<ArrayBuffer> = []
    const framer = new PcmFramer(44_100, 16_000, (frame) => frames.push(frame))
    const input = sine(44_100, 300, 1)
    for (let at = 0; at < input.length; at += 882) framer.push(input.subarray(at, at + 882))
    assert.strictEqual(frames.length, 49)
    assert.isTrue(frames.every((frame) => frame.byteLength === 640))
    const samples = Float32Array.from(frames.flatMap((frame) => [...fromPcm16(frame)]))
    assert.closeTo(amplitude(samples.subarray(1_600, 14_400), 16_000, 300), 0.5, 0.01)
  })

  it("clips instead of wrapping, and silences what is no number", () => {
    assert.deepStrictEqual([2, -2, 0, NaN, Infinity].map(toPcm16), [32_767, -32_767, 0, 0, 32_767])
  })

  it("ignores a trailing odd byte", () => {
    assert.strictEqual(fromPcm16(new ArrayBuffer(5)).length, 2)
  })
})
