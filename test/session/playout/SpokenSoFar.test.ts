import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { msPerCharacter, spoken, type SpokenText } from "../../../src/session/playout/SpokenSoFar.ts"

const text = (value: string, startMs: number, endMs?: number, words: SpokenText["words"] = []): SpokenText => ({
  text: value,
  startMs,
  words,
  end: endMs === undefined ? undefined : { atMs: endMs, isWhole: true }
})

describe("SpokenSoFar", () => {
  it("has the whole of texts that have ended, and of the last one the words that have", () => {
    const texts = [text("One two.", 0, 800), text("Three four five six.", 800, 2_800)]
    assert.strictEqual(spoken(texts, 0), "")
    assert.strictEqual(spoken(texts, 400), "One")
    assert.strictEqual(spoken(texts, 800), "One two.")
    assert.strictEqual(spoken(texts, 1_900), "One two. Three four")
    assert.strictEqual(spoken(texts, 2_800), "One two. Three four five six.")
    assert.strictEqual(spoken([], 100), "")
  })

  it("counts a text as heard when less than a frame of it is left, which waits for what comes next", () => {
    assert.strictEqual(spoken([text("One two.", 0, 410)], 400), "One two.")
    assert.strictEqual(spoken([text("One two.", 0, 430)], 400), "One")
  })

  it("uses the engine's word timings where there are any", () => {
    const words = [
      { text: "Hello", startMs: 0, endMs: 100 },
      { text: "there", startMs: 100, endMs: 900 }
    ]
    assert.strictEqual(spoken([text("Hello there", 1_000, 2_000, words)], 1_800), "Hello")
    assert.strictEqual(spoken([text("Hello there", 1_000, 2_000, words)], 1_900), "Hello there")
  })

  it("never counts too much of a text whose speech is incomplete", () => {
    const unfinished = text("one two three four five six seven eight", 0)
    assert.strictEqual(spoken([unfinished], 600), "one two")
    assert.notStrictEqual(spoken([unfinished], 60_000), unfinished.text)
  })

  it("takes the voice for as slow as it was", () => {
    const whole = text("Three four five six.", 0, 2_000)
    assert.strictEqual(msPerCharacter(whole, 2_000), 100)
    assert.isUndefined(msPerCharacter(text("One two", 0, 700), 700))
    const open = text("one two three four five six seven eight", 0)
    assert.strictEqual(spoken([open], 650, 50), "one two three")
    assert.strictEqual(spoken([open], 650, 100), "one")
  })

  it("counts of a text that broke off only what its audio can hold, however long ago that was", () => {
    const cut: SpokenText = {
      ...text("one two three four five six seven eight", 0),
      end: { atMs: 600, isWhole: false }
    }
    assert.strictEqual(spoken([cut, text("And on.", 600, 1_000)], 5_000), "one two And on.")
    const words = ["one", "two", "three"].map((word, i) => ({ text: word, startMs: i * 300, endMs: i * 300 + 300 }))
    assert.strictEqual(spoken([{ ...cut, words }], 5_000), "one two")
  })

  it("does not believe more words than a text can have", () => {
    const words = Array.from({ length: 40 }, () => ({ text: "on", startMs: 0, endMs: 1 }))
    const said = { ...text("one two three four five six seven eight", 0), words }
    assert.strictEqual(spoken([said], 1_500), "one two three four")
    assert.strictEqual(spoken([{ ...said, end: { atMs: 1_200, isWhole: false } }], 5_000), "one two three")
    // numbers are spoken in more words than they are written in
    const number = {
      ...text("1,234", 0),
      words: ["one", "thousand", "two"].map((word) => ({ ...words[0]!, text: word }))
    }
    assert.strictEqual(spoken([number], 100), "one thousand two")
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
      const said = spoken([text(whole, 0, ms)], playedMs)
      // a word has ended when its last character has been spoken
      let at = 0
      const over = words.filter((word) => {
        at += word.length + 1
        return (at - 1) * 50 <= playedMs
      })
      const count = said === "" ? 0 : said.split(" ").length
      assert.isAtMost(Math.abs(count - over.length), 1)
      assert.isTrue(whole.startsWith(said))
      assert.isTrue(spoken([text(whole, 0, ms)], playedMs + 60).startsWith(said))
    }
  )
})
