import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { MonoMix } from "../../src/audio/MonoMix.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"

const speech =
  Result.getOrThrow(Wav.parse(readFileSync(new URL("../fixtures/ill-disposed.wav", import.meta.url)))).samples

/** Interleaves channels, each of which is the speech by a factor, or what a function makes of the index. */
const interleave = (channels: ReadonlyArray<number | ((i: number) => number)>): Int16Array => {
  const out = new Int16Array(speech.length * channels.length)
  for (let i = 0; i < speech.length; i++) {
    channels.forEach((channel, c) => {
      out[i * channels.length + c] = Math.round(typeof channel === "number" ? speech[i]! * channel : channel(i))
    })
  }
  return out
}
const db = (samples: Int16Array) => Pcm.rmsDbfs(samples) - Pcm.rmsDbfs(speech)
/** Mixes in frames of 20 ms at 16 kHz, as a stream comes. */
const stream = (interleaved: Int16Array, channels: number) => {
  const mix = new MonoMix(channels)
  const frame = 320 * channels
  return Pcm.concat(
    Array.from(
      { length: Math.ceil(interleaved.length / frame) },
      (_, i) => mix.push(interleaved.subarray(i * frame, (i + 1) * frame))
    )
  )
}

describe("MonoMix", () => {
  it("takes the mean of channels that agree, and drops an incomplete group", () => {
    assert.deepEqual([...new MonoMix(2).push(Int16Array.of(10, 20, -32768, -32768, 7))], [15, -32768])
    assert.deepEqual([...new MonoMix(1).push(Int16Array.of(1, 2, 3))], [1, 2, 3])
    assert.deepEqual([...new MonoMix(3).push(Int16Array.of(1, 2))], [])
    assert.deepEqual([...new MonoMix(2).push(interleave([1, 1]))], [...speech])
  })

  const cases: ReadonlyArray<readonly [name: string, channels: ReadonlyArray<number | ((i: number) => number)>]> = [
    ["antiphase", [1, -1]],
    ["antiphase with a softer second channel", [1, -0.4]],
    ["antiphase with a constant part", [(i) => speech[i]! * 0.7 + 6000, (i) => speech[i]! * -0.7 + 6000]],
    ["the left channel alone", [1, 0]],
    ["the right channel alone", [0, 1]],
    ["the centre of 5.1", [0, 0, 1, 0, 0, 0]],
    ["three channels of which one is turned over", [1, -1, 1]],
    ["a pair in antiphase beside a silent one", [0, 1, -1]]
  ]
  for (const [name, channels] of cases) {
    it(`keeps the level of ${name}, of a file and of a stream`, () => {
      const interleaved = interleave(channels)
      const whole = new MonoMix(channels.length).push(interleaved)
      assert.isAbove(db(whole), -4)
      assert.isBelow(db(whole), 1)
      assert.isAbove(db(stream(interleaved, channels.length)), -4)
    })
  }

  it("hears two channels that turn into antiphase in the middle, within half a second", () => {
    const half = speech.length >> 1
    const mixed = stream(interleave([1, (i) => i < half ? speech[i]! : -speech[i]!]), 2)
    const late = half + 8_000
    assert.closeTo(Pcm.rmsDbfs(mixed.subarray(late)), Pcm.rmsDbfs(speech.subarray(late)), 1)
  })

  it("keeps two voices that have nothing in common", () => {
    const mixed = new MonoMix(2).push(interleave([1, (i) => speech[(i + 16_000) % speech.length]!]))
    assert.isAbove(db(mixed), -5)
  })

  it.prop(
    "gives a sample for each whole group, never louder than the loudest channel",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32768, maximum: 32767 }))),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8 }))
    ],
    ([samples, channels]) => {
      const interleaved = Int16Array.from(samples)
      const mixed = new MonoMix(channels).push(interleaved)
      assert.strictEqual(mixed.length, Math.floor(samples.length / channels))
      assert.isAtMost(Pcm.peak(mixed), Pcm.peak(interleaved) + 1)
    }
  )
})
