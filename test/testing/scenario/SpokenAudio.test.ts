import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import * as SpokenAudio from "../../../src/testing/scenario/SpokenAudio.ts"

const read = (pieces: ReadonlyArray<Int16Array>) => {
  const words: Array<SpokenAudio.HeardWord> = []
  const reader = new SpokenAudio.SpokenAudioReader((word) => words.push(word))
  for (const piece of pieces) reader.push(piece)
  reader.cut()
  return words
}
const textOf = (pieces: ReadonlyArray<Int16Array>) => read(pieces).map((word) => word.text).join(" ")
const framesOf = (pcm: Int16Array, size = 320) =>
  Array.from({ length: Math.ceil(pcm.length / size) }, (_, i) => pcm.subarray(i * size, (i + 1) * size))

describe("SpokenAudio", () => {
  it("decodes what was encoded, in any script and at any rate", () => {
    for (const text of ["hello", "no no no", "a b c", "I am here, too.", "Grüße aus Köln", "日本語 です", "one\ntwo"]) {
      for (const sampleRate of [8_000, 16_000, 24_000, 48_000]) {
        for (const msPerCharacter of [15, 50, 61.7]) {
          const pcm = SpokenAudio.encode(text, { sampleRate, msPerCharacter })
          assert.approximately(pcm.length, text.length * msPerCharacter * sampleRate / 1000, 2)
          assert.strictEqual(SpokenAudio.decode(pcm), text.replaceAll("\n", " "))
          assert.isTrue(pcm.every((sample) => sample >= 4_096))
        }
      }
    }
  })

  it.effect("decodes the same words however the samples are cut", () =>
    Effect.gen(function*() {
      const text = "the quick brown fox jumps over the lazy dog"
      const pcm = SpokenAudio.encode(text)
      for (let run = 0; run < 50; run++) {
        const pieces: Array<Int16Array> = []
        for (let at = 0; at < pcm.length;) {
          const size = yield* Random.nextIntBetween(1, 2_000)
          pieces.push(pcm.subarray(at, at + size))
          at += size
        }
        assert.strictEqual(textOf(pieces), text)
      }
    }).pipe(Random.withSeed("cuts")))

  it("decodes complete words with their positions", () => {
    const pcm = SpokenAudio.encode("book a flight")
    const words = read([new Int16Array(1_000), pcm, new Int16Array(1_000), pcm])
    assert.deepStrictEqual(words.map((word) => word.text), ["book", "a", "flight", "book", "a", "flight"])
    assert.strictEqual(words[0]?.startSample, 1_000)
    // each character takes 60 ms: 960 samples
    assert.approximately(words[0]?.endSample ?? 0, 1_000 + 4 * 960, 2)
    assert.approximately(words[5]?.endSample ?? 0, 2_000 + 2 * pcm.length, 2)
  })

  it("does not decode a word whose beginning, middle or end is missing", () => {
    const pcm = SpokenAudio.encode("please book")
    const at = (character: number) => character * 960
    assert.strictEqual(SpokenAudio.decode(pcm.subarray(at(1))), "book")
    assert.strictEqual(SpokenAudio.decode(pcm.subarray(0, at(10))), "please")
    assert.strictEqual(textOf([pcm.subarray(0, at(2)), pcm.subarray(at(4))]), "book")
    assert.strictEqual(textOf([pcm.subarray(0, at(2)), new Int16Array(at(2)), pcm.subarray(at(4))]), "book")
  })

  it("decodes a repeated frame once", () => {
    const frames = framesOf(SpokenAudio.encode("a bee and a tree", { msPerCharacter: 50 }))
    for (let twice = 0; twice < frames.length; twice++) {
      const sent = [...frames.slice(0, twice + 1), ...frames.slice(twice)]
      assert.strictEqual(textOf(sent), "a bee and a tree", `frame ${twice}`)
    }
  })

  it("decodes a short word that is spoken faster than what came before a pause", () => {
    const texts = [120, 20].map((msPerCharacter) => SpokenAudio.encode("a four", { msPerCharacter }))
    assert.strictEqual(textOf([texts[0]!, new Int16Array(160), texts[1]!]), "a four a four")
  })

  it("decodes texts without a pause between them as separate words", () => {
    assert.strictEqual(textOf([SpokenAudio.encode("one,"), SpokenAudio.encode("two")]), "one, two")
    assert.strictEqual(textOf([SpokenAudio.encode("no"), SpokenAudio.encode("no")]), "no no")
  })

  it("decodes nothing in noise, and the words around it", () => {
    const noise = Int16Array.from({ length: 3_200 }, (_, i) => (i * 7_919) % 65_536 - 32_768)
    assert.strictEqual(SpokenAudio.decode(new Int16Array(3_200).fill(8_000)), "")
    const pcm = SpokenAudio.encode("hello")
    assert.deepStrictEqual(
      textOf([pcm, noise, new Int16Array(10), pcm]).split(" ").filter((word) => word === "hello"),
      [
        "hello",
        "hello"
      ]
    )
  })
})
