/** How audio and words become one verdict. */
import { assert, describe, it } from "@effect/vitest"
import * as EndOfTurn from "../../../src/engines/local/words/EndOfTurn.ts"
import { combine, SOUNDS_FINISHED, WORDS_FINISH, WORDS_VETO } from "../../../src/engines/smart-turn/Verdict.ts"

const steps = Array.from({ length: 101 }, (_, i) => i / 100)
const words = EndOfTurn.make()
const judge = (transcript: string, heard: number, agentSaid = "") =>
  combine(heard, words({ transcript, agentSaid, language: "en" }))

describe("The verdict", () => {
  it("is a probability that grows with what was heard, and 0.5 where a turn begins to sound finished", () => {
    for (const probability of steps) {
      const verdicts = steps.map((heard) => combine(heard, probability))
      for (const [i, verdict] of verdicts.entries()) {
        assert.isTrue(verdict >= 0 && verdict <= 1)
        assert.isAtLeast(verdict, verdicts[i - 1] ?? 0)
      }
    }
    assert.strictEqual(combine(SOUNDS_FINISHED, 0.88), 0.5)
    assert.isBelow(combine(SOUNDS_FINISHED - 0.001, 0.88), 0.5)
    assert.strictEqual(combine(0, 0.88), 0)
    assert.strictEqual(combine(1, 0.88), 1)
  })

  it("is that of the audio where the words are not sure, and of the words where nothing was heard", () => {
    for (const probability of steps.filter((p) => p >= WORDS_VETO && p < WORDS_FINISH)) {
      assert.strictEqual(combine(0.6, probability), combine(0.6, 0.88))
    }
    for (const probability of steps) assert.strictEqual(combine(undefined, probability), probability)
  })

  it("waits for a number that is still dictated, a filler and a comma, however final they sound", () => {
    assert.isBelow(judge("my number is four one five", 0.99, "Your number?"), 0.5)
    assert.isBelow(judge("two nine three four", 0.99), 0.5)
    assert.isBelow(judge("I would like a um", 0.99), 0.5)
    assert.isBelow(judge("In short,", 0.99), 0.5)
  })

  it("does not wait after words that hand over, however they sound", () => {
    for (
      const text of ["All right, thanks.", "No, that's all.", "Never mind.", "So back to you. Go ahead.", "Goodbye."]
    ) {
      assert.isAbove(judge(text, 0.02), 0.5, text)
    }
    // these begin a turn as often as they end one
    for (const text of ["Yes.", "Okay.", "Sorry.", "Hello.", "No."]) assert.isBelow(judge(text, 0.02), 0.5, text)
    // a comma says that more follows
    assert.isBelow(judge("Thanks,", 0.9), 0.5)
  })
})
