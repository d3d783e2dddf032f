import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as JsonBytes from "../../src/schema/JsonBytes.ts"

const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2

/** Texts with control characters, quotes, halves of surrogate pairs and emoji. */
const texts = [
  "",
  "plain",
  "\"\\/\b\t\n\f\r",
  "\u0000\u0001\u001f\u007f\u0080\u07ff\u0800\uffff",
  "\ud800",
  "\udc00\ud800",
  "a\ud83d\ude00b",
  "\ud83d\ud83d\ude00\ude00"
]

describe("JsonBytes", () => {
  it.prop("counts what JSON takes", [Schema.String], ([text]) => {
    for (const each of [text, ...texts.map((other) => other + text)]) {
      assert.strictEqual(JsonBytes.lengthOf(each), bytesOf(each))
    }
  })

  it.prop("says whether a text fits", [Schema.String, Schema.Natural], ([text, max]) => {
    for (const each of [text, ...texts.map((other) => text + other)]) {
      const limit = max % 64
      assert.strictEqual(JsonBytes.fits(each, limit), bytesOf(each) <= limit)
    }
  })

  it.prop("cuts to the bytes at a whole character, and no further when cut again", [Schema.String, Schema.Natural], (
    [text, max]
  ) => {
    for (const other of texts) {
      const whole = (other + text).repeat(8)
      const limit = 8 + max % 64
      const cut = JsonBytes.cut(whole, limit)
      assert.isAtMost(bytesOf(cut), limit)
      if (bytesOf(whole) <= limit) {
        assert.strictEqual(cut, whole)
      } else {
        assert.isTrue(cut.endsWith(JsonBytes.CUT_MARK))
        assert.isTrue(whole.startsWith(cut.slice(0, -JsonBytes.CUT_MARK.length)))
        assert.strictEqual(JsonBytes.cut(cut, limit), cut)
        assert.strictEqual(JsonBytes.cut(`${cut} and more`, limit), cut)
      }
    }
  })
})
