/**
 * What is heard of formulas that a model writes in LaTeX.
 *
 * @since 0.1.0
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { spoken, spokenByFullPath, transform } from "../../../src/text/SpokenText.ts"
import { fewer } from "../../support/Full.ts"

const say = (text: string, language = "en") => transform(spoken({ language }), text)
const inUnits = (text: string, language = "en") => {
  const transformer = spoken({ language })()
  return text.split("").map((unit) => transformer.push(unit)).join("") + transformer.flush()
}

describe("MarkdownMath", () => {
  it.each([
    ["The answer is \\frac{1}{2}.", "The answer is 1/2."],
    ["\\( x^2 + y^2 = z^2 \\) holds", "x squared plus y squared equals z squared holds"],
    ["$$E = mc^2$$", "E equals mc squared"],
    ["So $x^2$ and $x$ and ($y$).", "So x squared and x and (y)."],
    [
      "\\[ x = \\frac{a \\pm \\sqrt{b^2 - 4}}{2a} \\]",
      "x equals (a plus or minus the square root of (b squared minus 4)) divided by 2a"
    ],
    ["\\[\n x \\leq 5 \n\\] so", "x at most 5 so"],
    ["so 5 \\times 3 = 15", "so 5 times 3 equals 15"],
    ["an angle of $90^\\circ$", "an angle of 90 degrees"],
    ["$\\alpha + \\beta \\neq \\gamma$", "alpha plus beta is not equal to gamma"],
    ["\\text{hello} \\sqrt[3]{27} = 3", "hello the square root of 27 equals 3"],
    ["$a_1 + a_{n-1}$, $2^{10}$", "a 1 plus a n minus 1, 2 to the power of 10"],
    ["$e^{i\\pi} = -1$", "e to the power of i pi equals -1"],
    ["$\\sum_{i=1}^{n} i$", "the sum of i equals 1 to n i"],
    ["$3x + 2 = 8$", "3x plus 2 equals 8"],
    // and what is none
    ["It costs $5 and $10, or $5-$10.", "It costs $5 and $10, or $5-$10."],
    ["$name, ${x}, a $$ or $$$ place, $7k and $100k.", "$name, ${x}, a $$ or $$$ place, $7k and $100k."],
    ["\\$5, 50\\% and \\*x\\*", "$5, 50 percent and *x*"],
    ["C:\\times\\alpha", "C colon backslash times backslash alpha"]
  ])("%s", (written, said) => {
    assert.strictEqual(say(written), said)
    assert.strictEqual(inUnits(written), said)
  })

  it("uses the words of the language, and signs where that is not known", () => {
    const text = "$\\frac{a+1}{2} \\geq x^3$"
    assert.strictEqual(say(text, "de"), "(a plus 1) geteilt durch 2 mindestens x hoch drei")
    assert.strictEqual(say(text, "xx"), "(a+1) ÷ 2 ≥ x^3")
  })

  it.prop("gives the same however the text comes, and on the fast path", [
    Schema.Array(Schema.Literals([
      "$",
      "$$",
      "$5",
      "$x",
      "$3x",
      "x$",
      "5$ ",
      "\\(",
      "\\)",
      "\\[",
      "\\]",
      "\\frac",
      "\\sqrt{",
      "\\times",
      "\\circ",
      "\\",
      "{a}",
      "{",
      "}",
      "^2",
      "_",
      "=",
      "+",
      " ",
      "\n",
      "word ",
      "5",
      "(",
      ")"
    ])).check(Schema.isMaxLength(14)),
    Schema.Literals(["en", "it", "xx"])
  ], ([parts, language]) => {
    const text = parts.join("")
    const once = say(text, language)
    assert.strictEqual(inUnits(text, language), once)
    assert.strictEqual(transform(spokenByFullPath({ language }), text), once)
  }, { arbitrary: { runs: fewer(2_000) } })

  it("takes time proportional to the text", () => {
    for (const hostile of ["\\frac{", "$x", "\\(", "$$", "\\sqrt{\\frac{1}{", "^{", "\\text{"]) {
      const text = hostile.repeat(40_000 / hostile.length)
      // of this thread alone: the machine may be busy
      const before = process.threadCpuUsage()
      say(text)
      assert.isBelow(process.threadCpuUsage(before).user / 1_000, 5_000, hostile)
    }
  })
})
