import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { BareCall } from "../../../src/text/thoughts/BareCall.ts"
import { BareHarmony } from "../../../src/text/thoughts/BareHarmony.ts"
import * as ThoughtFilter from "../../../src/text/thoughts/ThoughtFilter.ts"
import type { WrittenCall } from "../../../src/text/thoughts/WrittenCall.ts"

const read = (text: string, size: number) => {
  const calls: Array<WrittenCall> = []
  const harmony = new BareHarmony()
  const filter = ThoughtFilter.make({ onCall: (call) => void calls.push(call) })
  let out = ""
  for (let at = 0; at < text.length; at += size) out += filter.push(harmony.push(text.slice(at, at + size)))
  out += filter.push(harmony.flush()) + filter.flush()
  return { out, calls: calls.map(({ body, tool }) => `${tool}${body}`) }
}

const readCalls = (text: string, size: number) => {
  const calls: Array<string> = []
  const bare = new BareCall()
  const filter = ThoughtFilter.make({ onCall: ({ body, tool }) => void calls.push(`${tool}${body}`) })
  let out = ""
  for (let at = 0; at < text.length; at += size) out += filter.push(bare.push(text.slice(at, at + size)))
  out += filter.push(bare.flush()) + filter.flush()
  return { out, calls }
}

describe("BareHarmony", () => {
  it("reads the format of gpt-oss without its control tokens", () => {
    for (
      const [text, out, calls] of [
        ["analysisThe user greets me.assistantfinalHello.", "Hello.", []],
        ["assistantanalysisHm.assistantfinalHello, I am your assistant.", "Hello, I am your assistant.", []],
        ["analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>", "Hello.", []],
        ["finalHello.", "Hello.", []],
        ["analysisHm.assistantcommentary to=functions.w json{\"a\":1}", "", ["w{\"a\":1}"]],
        ["analysisHm.assistantcommentaryLet me look.assistantcommentary to=functions.w{}", "Let me look.", ["w{}"]],
        ["analysisNever ended, my dear assistant", "", []],
        ["analysis of the data: our assistantfinalist won", "analysis of the data: our assistantfinalist won", []],
        ["finally, an assistant", "finally, an assistant", []],
        ["analysis", "analysis", []]
      ] as const
    ) {
      for (const size of [1, 2, 7, text.length]) {
        assert.deepStrictEqual(read(text, size), { out, calls: [...calls] }, `${size}: ${text}`)
      }
    }
  })

  it("drops what is left of the mark of a thought at the beginning", () => {
    for (const mark of ["thought\n", "thought", "thought[]", "thought() ", " thought [] "]) {
      for (const size of [1, 3, 100]) {
        assert.deepStrictEqual(read(`${mark}I see you are calling.`, size).out.trim(), "I see you are calling.", mark)
      }
    }
    for (const text of ["thoughtful people", "thought so", "thought (x)", "thought"]) {
      for (const size of [1, 3, 100]) assert.strictEqual(read(text, size).out, text)
    }
  })

  it("finds a call of the format in the middle of an answer", () => {
    for (const size of [1, 2, 5, 1_000]) {
      assert.deepStrictEqual(
        readCalls("to=functions.save 天天json\n{\"a\":\"b\"}цҳ\nThirteen, that is a full house.", size),
        {
          out: "Thirteen, that is a full house.",
          calls: ["save{\"a\":\"b\"}"]
        }
      )
      for (const text of ["I go to=work", "to be or not to be", "To", "to", "x\nto", "Want to\nto= go to=functions."]) {
        assert.deepStrictEqual(readCalls(text, size), { out: text, calls: [] })
      }
    }
    assert.deepStrictEqual(readCalls("Sure. to=functions.save{\"a\":1}\nDone.", 1_000).out, "Sure. Done.")
  })

  const Piece = Schema.Literals([
    "analysis",
    "assistant",
    "final",
    "commentary",
    " to=f",
    " json",
    "A",
    "a",
    " ",
    ".",
    "ass"
  ])
  it.prop("gives the same text for any division of it, and all of an answer that has no channel", [
    Schema.Array(Piece).check(Schema.isMaxLength(16)),
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
  ], ([pieces, size]) => {
    const text = pieces.join("")
    const through = (size: number) => {
      const harmony = new BareHarmony()
      let out = ""
      for (let at = 0; at < text.length; at += size) out += harmony.push(text.slice(at, at + size))
      return out + harmony.flush()
    }
    assert.strictEqual(through(size), through(1_000))
    if (!/^\s*(?:assistant)?(?:analysis|commentary|final)/u.test(text)) assert.strictEqual(through(size), text)
  }, { arbitrary: { runs: 1_000 } })
})
