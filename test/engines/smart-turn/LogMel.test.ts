/** The features against those of an independent implementation of the same formula in another language (numpy). */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { BANDS, FRAMES, LogMel, SAMPLES } from "../../../src/engines/smart-turn/LogMel.ts"
import { load, type Recording, recordings } from "../Recordings.ts"

const Goldens = Schema.Struct({
  cases: Schema.Array(Schema.Struct({
    name: Schema.String,
    samples: Schema.Int,
    meanByMel: Schema.Array(Schema.Finite),
    every251st: Schema.Array(Schema.Finite)
  }))
})

const goldens = Schema.decodeUnknownSync(Schema.fromJsonString(Goldens))(
  readFileSync(new URL("../../fixtures/smart-turn-features.json", import.meta.url), "utf8")
)

const tones = (samples: number) =>
  Int16Array.from(
    { length: samples },
    (_, i) => Math.round(8_000 * Math.sin(2 * Math.PI * 200 * i / 16_000) * (Math.floor(i / 4_000) % 2) + 500)
  )

const isRecording = (name: string): name is Recording => recordings.some((each) => each === name)

const audioOf = (name: string, samples: number): Int16Array =>
  isRecording(name) ? load(name) : name === "silence" ? new Int16Array(samples) : tones(samples)

describe("LogMel", () => {
  const logMel = new LogMel()

  for (const { every251st, meanByMel, name, samples } of goldens.cases) {
    it(`gives the features of ${name}, to 1e-4`, () => {
      const pcm = audioOf(name, samples)
      assert.lengthOf(pcm, samples)
      const features = logMel.compute(pcm)
      assert.lengthOf(features, BANDS * FRAMES)
      for (const [i, expected] of every251st.entries()) {
        assert.closeTo(features[251 * i]!, expected, 1e-4, `value ${251 * i}`)
      }
      for (const [band, expected] of meanByMel.entries()) {
        const mean = features.subarray(band * FRAMES, (band + 1) * FRAMES).reduce((sum, value) => sum + value, 0) /
          FRAMES
        assert.closeTo(mean, expected, 1e-4, `band ${band}`)
      }
    })
  }

  it.effect.prop(
    "hears only the last 8 s, whatever came before, and keeps nothing of one turn for the next",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 }))],
    ([before]) =>
      Effect.sync(() => {
        const audio = tones(SAMPLES)
        const expected = Float32Array.from(new LogMel().compute(audio))
        const longer = new Int16Array(before + SAMPLES).fill(9_000)
        longer.set(audio, before)
        logMel.compute(longer.subarray(0, 3_000))
        assert.deepEqual(logMel.compute(longer), expected)
      }),
    { arbitrary: { runs: 10 } }
  )

  it("is finite for the loudest audio, for none, and for a single sample", () => {
    for (const pcm of [new Int16Array(0), new Int16Array(1).fill(1), new Int16Array(SAMPLES).fill(-32_768)]) {
      assert.isTrue(logMel.compute(pcm).every(Number.isFinite))
    }
  })
})
