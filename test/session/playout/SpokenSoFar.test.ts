import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { spoken, type SpokenText } from "../../../src/session/playout/SpokenSoFar.ts"

const text = (value: string, startMs: number, words: SpokenText["words"] = []): SpokenText => ({
  text: value,
  startMs,
  words
})

describe("SpokenSoFar", () => {
  it("has the whole of texts that have ended, and of the last one the words that have", () => {
    const texts = [text("One two.", 0), text("Three four five six.", 800)]
    assert.strictEqual(spoken(texts, 0, 2_800), "")
    assert.strictEqual(spoken(texts, 400, 2_800), "One")
    assert.strictEqual(spoken(texts, 800, 2_800), "One two.")
    assert.strictEqual(spoken(texts, 1_900, 2_800), "One two. Three four")
    assert.strictEqual(spoken(texts, 2_800, 2_800), "One two. Three four five six.")
    assert.strictEqual(spoken([], 100, 100), "")
  })

  it("uses the engine's word timings where there are any", () => {
    const words = [
      { text: "Hello", startMs: 0, endMs: 100 },
      { text: "there", startMs: 100, endMs: 900 }
    ]
    assert.strictEqual(spoken([text("Hello there", 1_000, words)], 1_899, 2_000), "Hello")
    assert.strictEqual(spoken([text("Hello there", 1_000, words)], 1_900, 2_000), "Hello there")
  })

  it("never counts too much of a text whose speech is incomplete", () => {
    const unfinished = text("one two three four five six seven eight", 0)
    assert.strictEqual(spoken([unfinished], 600, undefined), "one two")
    assert.notStrictEqual(spoken([unfinished], 60_000, undefined), unfinished.text)
  })

  const Words = Schema.Array(Schema.Literals(["a", "bb", "ccc,", "dddd", "eeeeeeeee."]))
    .check(Schema.isMinLength(1), Schema.isMaxLength(20))

  it.prop(
    "is right to one word (P2) when words are spoken evenly, and only grows",
    [Words, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000 }))],
    ([words, permille]) => {
      const whole = words.join(" ")
      const ms = 50 * whole.length
      const playedMs = ms * permille / 1_000
      const said = spoken([text(whole, 0)], playedMs, ms)
      // a word has ended when its last character has been spoken
      let at = 0
      const over = words.filter((word) => {
        at += word.length + 1
        return (at - 1) * 50 <= playedMs
      })
      const count = said === "" ? 0 : said.split(" ").length
      assert.isAtMost(Math.abs(count - over.length), 1)
      assert.isTrue(whole.startsWith(said))
      assert.isTrue(spoken([text(whole, 0)], playedMs + 60, ms).startsWith(said))
    }
  )
})
