/** A user's audio in a vendor's pieces, and a vendor's times on a session's timeline. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { AudioChunker } from "../../../../src/engines/hosted/stt/AudioChunker.ts"
import { VendorTimeline } from "../../../../src/engines/hosted/stt/VendorTimeline.ts"

describe("AudioChunker", () => {
  const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_000 }))).check(
    Schema.isMaxLength(20)
  )
  it.prop("gives every sample once, in order, in full pieces", [Sizes], ([sizes]) => {
    const chunker = new AudioChunker(16_000, 60)
    const out: Array<number> = []
    let next = 0
    for (const size of sizes) {
      chunker.push(Int16Array.from({ length: size }, () => next++), (piece) => {
        assert.lengthOf(piece, 960)
        out.push(...piece)
      })
    }
    const rest = chunker.flush()
    if (rest !== undefined) {
      assert.isBelow(rest.piece.length, 960)
      assert.strictEqual(rest.padding, 0)
      out.push(...rest.piece)
    }
    assert.deepStrictEqual(Int16Array.from(out), Int16Array.from({ length: next }, (_, i) => i))
    assert.isUndefined(chunker.flush())
  })

  it("pads a short piece with silence, and sends nothing for no audio", () => {
    const chunker = new AudioChunker(16_000, 60, 50)
    assert.isUndefined(chunker.flush())
    chunker.push(new Int16Array(960).fill(7), () => {})
    chunker.push(new Int16Array(10).fill(7), () => {})
    const rest = chunker.flush()
    assert.strictEqual(rest?.padding, 790)
    assert.deepStrictEqual(Array.from(rest?.piece ?? []), [...Array(10).fill(7), ...Array(790).fill(0)])
    assert.isUndefined(chunker.flush())
  })
})

describe("VendorTimeline", () => {
  it("counts from where its connection began, at 16 kHz, whatever the rate of the audio", () => {
    const timeline = new VendorTimeline(24_000)
    timeline.begin(24_000)
    timeline.sent(48_000)
    assert.strictEqual(timeline.position(0), 16_000)
    assert.strictEqual(timeline.position(500), 24_000)
  })

  it("leaves out silence that the user did not make", () => {
    const timeline = new VendorTimeline(16_000)
    timeline.sent(800, 400)
    timeline.sent(1_600)
    // 25 ms of audio, 25 ms of padding, then audio again
    assert.strictEqual(timeline.position(20), 320)
    assert.strictEqual(timeline.position(60), 560)
    for (let i = 0; i < 1_000; i++) timeline.sent(800, 400)
    assert.strictEqual(timeline.position((800 + 1_600 + 800_000) / 16), 400 + 1_600 + 400_000)
  })
})
