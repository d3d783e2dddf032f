/** What another attempt at a sentence repeats, and what of it is new. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { concat } from "../../../src/audio/Pcm.ts"
import { DeliveredSpeech } from "../../../src/speech/resilience/DeliveredSpeech.ts"
import type { SpeechChunk } from "../../../src/speech/TextToSpeech.ts"

const SAMPLES = 100
const WORD = 10

/** One telling of a sentence, in chunks of this size: a word every 10 samples, the text with the first chunk. */
const telling = (size: number): ReadonlyArray<SpeechChunk> =>
  Array.from({ length: Math.ceil(SAMPLES / size) }, (_, i) => {
    const from = i * size
    const pcm = Int16Array.from({ length: Math.min(size, SAMPLES - from) }, (_, at) => from + at)
    const words = Array.from(pcm).filter((at) => at % WORD === 0)
      .map((at) => ({ text: `w${at / WORD}`, startMs: at, endMs: at + WORD }))
    return { pcm, text: i === 0 ? "the sentence" : "", ...(words.length === 0 ? {} : { words }) }
  })

describe("DeliveredSpeech", () => {
  const Attempt = Schema.Struct({
    size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
    chunks: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
  })
  it.prop(
    "delivers each sample, each word and the text once, however often and wherever attempts break",
    [
      Schema.Array(Attempt).check(Schema.isMaxLength(6)),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
    ],
    ([attempts, last]) => {
      const delivered = new DeliveredSpeech()
      const out: Array<SpeechChunk> = []
      const speak = (chunks: ReadonlyArray<SpeechChunk>) => {
        delivered.attempt()
        const before = out.reduce((sum, { pcm }) => sum + pcm.length, 0)
        for (const chunk of chunks) {
          const fresh = delivered.take(chunk)
          if (fresh !== undefined) out.push(fresh)
        }
        const after = out.reduce((sum, { pcm }) => sum + pcm.length, 0)
        assert.strictEqual(delivered.progressed, after > before)
        assert.strictEqual(delivered.attemptBegun, chunks.length > 0)
        assert.strictEqual(delivered.begun, after > 0)
      }
      for (const { chunks, size } of attempts) speak(telling(size).slice(0, chunks))
      speak(telling(last))
      assert.deepStrictEqual(
        concat(out.map(({ pcm }) => pcm)),
        Int16Array.from({ length: SAMPLES }, (_, i) => i)
      )
      assert.deepStrictEqual(
        out.flatMap(({ words = [] }) => words.map(({ text }) => text)),
        Array.from({ length: SAMPLES / WORD }, (_, i) => `w${i}`)
      )
      assert.deepStrictEqual(out.map(({ text }) => text).filter((text) => text !== ""), ["the sentence"])
      assert.strictEqual(out[0]?.text, "the sentence")
    }
  )

  it("gives an unbroken telling as it is", () => {
    const delivered = new DeliveredSpeech()
    delivered.attempt()
    for (const chunk of telling(20)) assert.strictEqual(delivered.take(chunk), chunk)
  })
})
