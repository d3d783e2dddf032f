import { assert, describe, it } from "@effect/vitest"
import * as G711 from "../../src/audio/G711.ts"

const every = Int16Array.from({ length: 65536 }, (_, i) => i - 32768)
const codes = Uint8Array.from({ length: 256 }, (_, i) => i)

describe("G711", () => {
  it("encodes the golden samples of µ-law and A-law", () => {
    const samples = Int16Array.of(0, -1, 8, 1000, -1000, 32767, -32768)
    assert.deepEqual([...G711.encodeMuLaw(samples)], [0xff, 0x7f, 0xfe, 0xce, 0x4e, 0x80, 0x00])
    assert.deepEqual([...G711.encodeALaw(samples)], [0xd5, 0x55, 0xd5, 0xfa, 0x7a, 0xaa, 0x2a])
  })

  it("decodes the golden codes of µ-law and A-law", () => {
    const golden = Uint8Array.of(0x00, 0x7f, 0x80, 0xff, 0x2a, 0x55, 0xaa, 0xd5)
    assert.deepEqual([...G711.decodeMuLaw(golden)], [-32124, 0, 32124, 0, -5372, -716, 5372, 716])
    assert.deepEqual([...G711.decodeALaw(golden)], [-5504, -848, 5504, 848, -32256, -8, 32256, 8])
  })

  it("decodes and encodes every code to itself, except µ-law's negative zero", () => {
    assert.deepEqual(G711.encodeALaw(G711.decodeALaw(codes)), codes)
    const expected = codes.slice()
    expected[0x7f] = 0xff
    assert.deepEqual(G711.encodeMuLaw(G711.decodeMuLaw(codes)), expected)
  })

  it("has an error of at most half a step of the segment", () => {
    const mu = G711.decodeMuLaw(G711.encodeMuLaw(every))
    const a = G711.decodeALaw(G711.encodeALaw(every))
    every.forEach((sample, i) => {
      const magnitude = Math.abs(sample)
      // Steps double per segment: 8 from a biased 128 in µ-law, 16 up to 512 in A-law.
      const muStep = 8 * 2 ** Math.max(0, Math.floor(Math.log2((Math.min(magnitude, 32635) + 132) / 128)))
      const aStep = 16 * 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, magnitude) / 256)))
      const clipped = Math.max(-32635, Math.min(32635, sample))
      assert.isAtMost(Math.abs(mu[i]! - clipped), muStep / 2 + 4, `µ-law of ${sample}`)
      assert.isAtMost(Math.abs(a[i]! - sample), aStep / 2 + 1, `A-law of ${sample}`)
    })
  })

  it("is monotonic", () => {
    for (const decoded of [G711.decodeMuLaw(G711.encodeMuLaw(every)), G711.decodeALaw(G711.encodeALaw(every))]) {
      assert.isTrue(decoded.every((value, i) => i === 0 || value >= decoded[i - 1]!))
    }
  })

  it("writes into the given buffer and returns the part written", () => {
    const out = new Uint8Array(8)
    const written = G711.encodeMuLaw(Int16Array.of(0, 0), out)
    assert.strictEqual(written.buffer, out.buffer)
    assert.deepEqual([...out], [0xff, 0xff, 0, 0, 0, 0, 0, 0])
    assert.strictEqual(G711.decodeALaw(new Uint8Array(5), new Int16Array(3)).length, 3)
  })
})
