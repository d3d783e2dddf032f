import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { readFileSync } from "node:fs"
import * as Dtmf from "../../src/audio/Dtmf.ts"
import { DtmfDetector } from "../../src/audio/DtmfDetector.ts"
import * as G711 from "../../src/audio/G711.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const real = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))
const Rate = Schema.Literals([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])
const Digits = Schema.Array(Schema.Literals([..."0123456789ABCD*#"])).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(12)
)

/** What a detector hears in audio that arrives in pieces of `size` samples. */
const hear = (samples: Int16Array, sampleRate: number, size = 160): string => {
  const detector = new DtmfDetector(sampleRate)
  let heard = ""
  for (let at = 0; at < samples.length; at += size) heard += detector.push(samples.subarray(at, at + size))
  return heard
}

/** Two sines of `ms`, after `lead` samples and before 100 ms of silence. */
const pair = (options: {
  readonly low: number
  readonly high: number
  readonly ms: number
  readonly lead: number
  readonly lowLevel?: number
  readonly highLevel?: number
}): Int16Array => {
  const { high, highLevel = 4_000, lead, low, lowLevel = 4_000, ms } = options
  const length = Math.round(ms * 8)
  const samples = new Int16Array(lead + length + 800)
  for (let i = 0; i < length; i++) {
    samples[lead + i] = Math.round(
      lowLevel * Math.sin(2 * Math.PI * low * i / 8_000) + highLevel * Math.sin(2 * Math.PI * high * i / 8_000 + 1)
    )
  }
  return samples
}

const frequencies = (digit: string) => {
  const key = Dtmf.keypad.indexOf(digit)
  return { low: Dtmf.rowFrequencies[key >> 2]!, high: Dtmf.columnFrequencies[key & 3]! }
}

/** Adds noise of a standard deviation of `amplitude`, the same for the same seed. */
const noisy = (samples: Int16Array, amplitude: number, seed: number): Int16Array => {
  let state = seed + 1
  const random = () => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x80000000
  return samples.map((x) =>
    Pcm.saturate(
      x + amplitude * Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(2 * Math.PI * random())
    )
  )
}

const recording = (name: string): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../fixtures/${name}.wav`, import.meta.url)))).samples

describe("Dtmf", () => {
  it("makes tones, gaps and pauses of the lengths that were asked for", () => {
    assert.strictEqual(Dtmf.tones("1", { sampleRate: 8_000 }).length, 1_600)
    assert.strictEqual(Dtmf.tones("1w2", { sampleRate: 8_000 }).length, 7_200)
    assert.strictEqual(
      Dtmf.tones("w#", { sampleRate: 16_000, toneMs: 50, gapMs: 70, pauseMs: 1_000 }).length,
      17_920
    )
  })

  it("starts and ends every tone without a click, at the level asked for", () => {
    for (const sampleRate of [8_000, 16_000, 48_000]) {
      const samples = Dtmf.tones("9", { sampleRate, levelDb: -10 })
      const tone = samples.subarray(0, sampleRate / 10)
      assert.strictEqual(tone[0], 0)
      assert.isAtMost(Math.abs(tone.at(-1)!), 1)
      // half a millisecond from the edges a ramp of 3 ms lets 7 % through
      const near = sampleRate / 2_000
      assert.isAtMost(Pcm.peak(tone.subarray(0, near)), 0.08 * Pcm.peak(tone))
      assert.isAtMost(Pcm.peak(tone.subarray(tone.length - near)), 0.08 * Pcm.peak(tone))
      // two sines of -10 and -12 dB of a full-scale sine: -7.9 dB, and 3 dB less as a root mean square
      assert.approximately(Pcm.rmsDbfs(tone), -10.9, 0.3)
      assert.isTrue(samples.subarray(sampleRate / 10).every((x) => x === 0))
    }
  })

  it("refuses what no keypad has", () => {
    for (const digits of ["", "12 3", "E", "1,2", "１", "1".repeat(129)]) {
      assert.isFalse(Dtmf.isDigits(digits), digits)
      assert.throws(() => Dtmf.tones(digits, { sampleRate: 8_000 }), RangeError)
    }
    assert.isTrue(Dtmf.isDigits("0123456789ABCD*#w"))
    assert.isTrue(Dtmf.isDigit("#"))
    for (const digit of ["", "w", "11", "1A", "a"]) assert.isFalse(Dtmf.isDigit(digit), digit)
  })
})

describe("DtmfDetector", () => {
  it.prop(
    "hears every digit at every rate, from 40 ms on, through µ-law and A-law, however the audio is cut",
    [Digits, Rate, between(40, 120), between(40, 120), real(-28, 0), between(1, 2_000), Schema.Boolean],
    ([digits, sampleRate, toneMs, gapMs, levelDb, size, aLaw]) => {
      const dialled = digits.join("")
      const samples = Dtmf.tones(dialled, { sampleRate, toneMs: toneMs + 1, gapMs, levelDb: levelDb - 4 })
      assert.strictEqual(hear(samples, sampleRate, size), dialled)
      const companded = aLaw
        ? G711.decodeALaw(G711.encodeALaw(samples))
        : G711.decodeMuLaw(G711.encodeMuLaw(samples))
      if (levelDb > -20) assert.strictEqual(hear(companded, sampleRate, size), dialled)
    }
  )

  it.prop(
    "hears digits in noise of 12 dB below them",
    [Digits, between(0, 100_000)],
    ([digits, seed]) => {
      const dialled = digits.join("")
      const samples = Dtmf.tones(dialled, { sampleRate: 8_000, toneMs: 60, gapMs: 60 })
      const power = 32_767 * 10 ** (-10.9 / 20)
      assert.strictEqual(hear(noisy(samples, power * 10 ** (-12 / 20), seed), 8_000), dialled)
    }
  )

  it.prop(
    "takes the twist and the deviation that Q.24 asks for, and no tone that is 3.5 % off",
    [Schema.Literals([..."0123456789ABCD*#"]), real(-8, 4), real(-0.015, 0.015), between(0, 160)],
    ([digit, twistDb, deviation, lead]) => {
      const { high, low } = frequencies(digit)
      const levels = { lowLevel: 5_000, highLevel: 5_000 * Pcm.gainOfDb(twistDb) }
      const within = pair({ low: low * (1 + deviation), high: high * (1 - deviation), ms: 50, lead, ...levels })
      assert.strictEqual(hear(within, 8_000), digit)
      const sign = deviation < 0 ? -1 : 1
      assert.strictEqual(hear(pair({ low, high: high * (1 + sign * 0.035), ms: 100, lead, ...levels }), 8_000), "")
      assert.strictEqual(hear(pair({ low: low * (1 + sign * 0.035), high, ms: 100, lead, ...levels }), 8_000), "")
    }
  )

  it.prop(
    "hears nothing in tones of up to 23 ms, in one tone alone, or in too much twist",
    [Schema.Literals([..."0123456789ABCD*#"]), between(5, 23), between(0, 160)],
    ([digit, ms, lead]) => {
      const { high, low } = frequencies(digit)
      assert.strictEqual(hear(pair({ low, high, ms, lead }), 8_000), "")
      assert.strictEqual(hear(pair({ low, high, ms: 100, lead, lowLevel: 0 }), 8_000), "")
      assert.strictEqual(hear(pair({ low, high, ms: 100, lead, highLevel: 0 }), 8_000), "")
      assert.strictEqual(hear(pair({ low, high, ms: 100, lead, highLevel: 1_000 }), 8_000), "")
      assert.strictEqual(hear(pair({ low, high, ms: 100, lead, lowLevel: 1_000 }), 8_000), "")
    }
  )

  it("hears a held key once, and once across an interruption of 10 ms", () => {
    const held = Dtmf.tones("5", { sampleRate: 8_000, toneMs: 3_000 })
    assert.strictEqual(hear(held, 8_000), "5")
    for (let at = 800; at < 960; at += 7) {
      const cut = held.slice().fill(0, at, at + 80)
      assert.strictEqual(hear(cut, 8_000), "5", `cut at ${at}`)
    }
  })

  it("hears nothing in the tones of a line: dial, ring-back, busy, fax, special information", () => {
    const line: ReadonlyArray<ReadonlyArray<number>> = [
      [350, 440],
      [440, 480],
      [480, 620],
      [425],
      [400, 450],
      [1_100],
      [2_100],
      [950],
      [1_400],
      [1_800]
    ]
    for (const tones of line) {
      const samples = Int16Array.from(
        { length: 16_000 },
        (_, i) => Math.round(tones.reduce((sum, hz) => sum + 5_000 * Math.sin(2 * Math.PI * hz * i / 8_000), 0))
      )
      assert.strictEqual(hear(samples, 8_000), "", tones.join("+"))
    }
  })

  it("hears no digit in speech, of higher and of lower voices and at any level", () => {
    for (const name of ["two-cities", "prudently", "cold-hearted", "eight-of-spades", "two-nine-three-four-zero"]) {
      const speech = recording(name)
      for (const gain of [0.25, 1, 4]) {
        const samples = Pcm.gain(speech, gain)
        // the same samples, read at another rate, are a voice that is lower or higher
        for (const rate of [11_025, 16_000, 22_050, 24_000]) {
          assert.strictEqual(hear(samples, rate), "", `${name} at ${rate} Hz, ${gain} times as loud`)
        }
        const telephone = G711.decodeMuLaw(G711.encodeMuLaw(samples.filter((_, i) => i % 2 === 0)))
        assert.strictEqual(hear(telephone, 8_000), "", `${name} through µ-law, ${gain} times as loud`)
      }
    }
  })

  it("forgets the audio before a gap", () => {
    const detector = new DtmfDetector(8_000)
    const samples = Dtmf.tones("7", { sampleRate: 8_000 })
    assert.strictEqual(detector.push(samples.subarray(0, 240)), "")
    detector.reset()
    assert.strictEqual(detector.push(samples.subarray(0, 240)), "")
    assert.strictEqual(detector.push(samples.subarray(240)), "7")
    detector.reset()
    assert.strictEqual(detector.push(samples), "7")
  })
})
