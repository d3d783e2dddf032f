import { describe, expect, it } from "vitest"
import { toPcm } from "../../../src/engines/hibari/vocoder/Level.ts"
import { PulseTrain } from "../../../src/engines/hibari/vocoder/PulseTrain.ts"
import { FRAME } from "../../../src/engines/hibari/vocoder/Spectra.ts"
import * as SpeechBounds from "../../../src/engines/hibari/vocoder/SpeechBounds.ts"
import * as Tables from "../../../src/engines/hibari/vocoder/Tables.ts"
import { Vocoder } from "../../../src/engines/hibari/vocoder/Vocoder.ts"
import * as Golden from "./Golden.ts"

const { dsp } = Golden
const speechAndNoise = Golden.dspSpectra((k, f) => -1 - k / 100 + f / 10)

const whole = (vocoder: Vocoder, frames: number): Float32Array => {
  const out = new Float32Array(FRAME * frames)
  expect(vocoder.give(out)).toBe(frames)
  return out
}

describe("Tables", () => {
  it("are exact to a billionth", () => {
    for (let x = -26; x < 8; x += 0.0137) expect(Math.abs(Tables.exp(x) / Math.exp(x) - 1)).toBeLessThan(1e-9)
    for (let x = -900; x < 900; x += 0.377) {
      expect(Math.abs(Tables.sin(x) - Math.sin(x))).toBeLessThan(1e-10)
      expect(Math.abs(Tables.cos(x) - Math.cos(x))).toBeLessThan(1e-10)
    }
  })

  it("make nothing of what is no number", () => {
    expect(Tables.exp(NaN)).toBe(0)
    expect(Tables.exp(-Infinity)).toBe(0)
  })
})

describe("PulseTrain", () => {
  it("equals the golden pulses, through starts and ends of a voice", () => {
    const train = new PulseTrain(Float32Array.from(dsp.f0), dsp.frames)
    const pulses = new Float64Array(FRAME * dsp.frames)
    const voiced = dsp.f0.map((_, frame) => train.write(pulses, FRAME * frame))
    expect(Golden.signalToError(pulses, dsp.pulses_from_600, 600)).toBeGreaterThan(120)
    expect(Golden.signalToError(pulses, dsp.pulses_from_2400, 2_400)).toBeGreaterThan(120)
    expect(voiced[0]).toBe(false)
    expect(voiced[3]).toBe(true)
    expect(pulses.subarray(0, FRAME).every((pulse) => pulse === 0)).toBe(true)
  })
})

describe("Vocoder", () => {
  it("equals the golden samples", () => {
    const out = whole(new Vocoder(Golden.dspSpectra(), undefined), dsp.frames)
    expect(Golden.signalToError(out, dsp.samples)).toBeGreaterThan(110)
  })

  it.each([[[1, 2, 4, 3, 2]], [[12]], [[5, 7]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]])(
    "gives the same in pieces of %j frames",
    (pieces) => {
      const expected = whole(new Vocoder(speechAndNoise, 7), dsp.frames)
      const vocoder = new Vocoder(speechAndNoise, 7)
      const out = new Float32Array(FRAME * dsp.frames)
      let given = 0
      for (const frames of pieces) given += vocoder.give(out.subarray(FRAME * given, FRAME * (given + frames)))
      expect(given).toBe(dsp.frames)
      expect(vocoder.give(new Float32Array(FRAME))).toBe(0)
      expect(out).toEqual(expected)
    }
  )

  it.each([1, 2, 3, 5, 11])("gives the same from frame %i on", (from) => {
    const expected = whole(new Vocoder(speechAndNoise, 7), dsp.frames)
    const out = whole(new Vocoder(speechAndNoise, 7, from), dsp.frames - from)
    expect(out).toEqual(expected.subarray(FRAME * from))
  })

  it("keeps two that run in turn apart", () => {
    const expected = whole(new Vocoder(speechAndNoise, 7), dsp.frames)
    const one = new Vocoder(speechAndNoise, 7)
    const other = new Vocoder(speechAndNoise, 8)
    const out = new Float32Array(FRAME * dsp.frames)
    for (let frame = 0; frame < dsp.frames; frame++) {
      one.give(out.subarray(FRAME * frame, FRAME * (frame + 1)))
      other.give(new Float32Array(FRAME))
    }
    expect(out).toEqual(expected)
  })

  it("makes the same noise of the same seed, and other noise of another", () => {
    const silent = Golden.spectraOf(6, [0, 0, 0, 0, 0, 0], {
      harmonic: () => 0,
      harmonicPhase: () => 0,
      noise: () => 0,
      free: () => -100,
      freePhase: () => 0
    })
    const one = whole(new Vocoder(silent, 1), 6)
    expect(whole(new Vocoder(silent, 1), 6)).toEqual(one)
    expect(whole(new Vocoder(silent, 2), 6)).not.toEqual(one)
    expect(whole(new Vocoder(silent, undefined), 6).every((sample) => sample === 0)).toBe(true)
    // magnitudes of variance 2 in each of 601 bins: white noise of this power
    const power = one.reduce((sum, sample) => sum + sample * sample, 0) / one.length
    expect(power).toBeGreaterThan(0.3 / 1_200)
    expect(power).toBeLessThan(4 / 1_200)
    expect(one.subarray(0, FRAME)).not.toEqual(one.subarray(FRAME, 2 * FRAME))
  })

  it.each([Infinity, -Infinity, NaN, 1e30])("stays finite on spectra of %d, which are no speech", (value) => {
    const formula = () => value
    const spectra = Golden.spectraOf(6, [value, value, 100, 100, value, 100], {
      harmonic: formula,
      harmonicPhase: formula,
      noise: formula,
      free: formula,
      freePhase: formula
    })
    expect(whole(new Vocoder(spectra, 1), 6).every(Number.isFinite)).toBe(true)
  })
})

describe("SpeechBounds", () => {
  const of = (loud: (frame: number) => boolean, pitch = (_frame: number) => 0) =>
    SpeechBounds.find(
      Golden.spectraOf(100, Array.from({ length: 100 }, (_, frame) => pitch(frame)), {
        harmonic: () => -5,
        harmonicPhase: () => 0,
        noise: () => -20,
        free: (_, frame) => loud(frame) ? -1 : -9,
        freePhase: () => 0
      }),
      10
    )

  it("leaves 37.5 ms before the first sound and some frames after the last", () => {
    expect(of((frame) => frame >= 30 && frame < 60)).toEqual({ from: 27, to: 70 })
    expect(of(() => true)).toEqual({ from: 0, to: 100 })
  })

  it("counts a voice as sound", () => {
    expect(of(() => false, (frame) => frame === 50 ? 120 : 0)).toEqual({ from: 47, to: 61 })
  })

  it("does not cut a pause in the middle", () => {
    expect(of((frame) => frame === 20 || frame === 80)).toEqual({ from: 17, to: 91 })
  })

  it("finds nothing in silence", () => {
    expect(of(() => false)).toEqual({ from: 0, to: 0 })
  })
})

describe("toPcm", () => {
  it("applies the gain and bends what is louder than the knee", () => {
    const pcm = new Int16Array(6)
    toPcm(Float32Array.of(0, 0.1, -0.25, 0.4, 0.5, -3), 2, pcm)
    expect([...pcm]).toEqual([0, 6_553, -16_383, 26_214, 31_205, -32_767])
  })
})
