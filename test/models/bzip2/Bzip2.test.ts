/** The decoder of bzip2, against what other programs wrote. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as Bzip2 from "../../../src/models/bzip2/Bzip2.ts"

const decode = (bytes: Uint8Array, step = 3): Buffer => {
  let at = 0
  return Buffer.concat([...Bzip2.decode(() => at >= bytes.length ? undefined : bytes.subarray(at, at += step))])
}

const runs = Buffer.from("QlpoOTFBWSZTWXopvFgAAAVBAeAAOAAAgAAIIAAxDACSMmmuapVGCzsLU4Hi7kinChIPRTeLAA==", "base64")

describe("Bzip2", () => {
  it("decodes what bzip2 1.0.8 wrote: nothing, a word, long runs, two streams", () => {
    const written = {
      "": "QlpoORdyRThQkAAAAAA=",
      hello: "QlpoOTFBWSZTWRkxZT0AAACBAAJEoAAhmmgzTQczi7kinChIDJiynoA=",
      "one two":
        "QlpoOTFBWSZTWc+6oLQAAAGRAEAAAgGgACGaaDNNDLxdyRThQkM+6oLQQlpoOTFBWSZTWc3cjZoAAACBgAAAhIAgACGYGYRhdyRThQkM3cjZoA=="
    }
    for (const [text, packed] of Object.entries(written)) {
      assert.strictEqual(decode(Buffer.from(packed, "base64")).toString(), text)
    }
    assert.strictEqual(decode(runs).toString(), `${"a".repeat(1000)}bbbbcccccaaaab`)
  })

  it("reads a few bytes that hold ten million, in pieces of at most 64 KiB", () => {
    const zeros = Buffer.from(
      "QlpoOTFBWSZTWdOl3HwATJfAEMAAAAgACCAAMMwFKaaqRFGwFEUeLuSKcKEhp0u4+A==",
      "base64"
    )
    let length = 0
    for (const piece of Bzip2.decode(() => zeros)) {
      assert.isAtMost(piece.length, 65_536)
      length += piece.length
      if (length === 10_000_000) break
    }
    assert.strictEqual(length, 10_000_000)
  })

  it("refuses what is cut off, anywhere", () => {
    for (let end = 0; end < runs.length; end++) {
      assert.throws(() => decode(runs.subarray(0, end)), Bzip2.Bzip2Error, /too early/)
    }
  })

  it("never gives other bytes for damaged ones, and ends", () => {
    for (let bit = 0; bit < 8 * runs.length; bit++) {
      const damaged = Buffer.from(runs)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      try {
        // the padding after the end has no meaning
        assert.deepEqual(decode(damaged), decode(runs))
      } catch (cause) {
        assert.instanceOf(cause, Bzip2.Bzip2Error)
      }
    }
  })

  it.prop("refuses anything else", [Schema.Uint8Array], ([bytes]) => {
    assert.throws(() => decode(bytes), Bzip2.Bzip2Error)
    assert.throws(() => decode(Buffer.concat([Buffer.from("BZh91AY&SY"), bytes])), Bzip2.Bzip2Error)
  })
})
