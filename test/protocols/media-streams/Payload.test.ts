import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import * as G711 from "../../../src/audio/G711.ts"
import * as Payload from "../../../src/protocols/media-streams/Payload.ts"
import type { MediaFormat } from "../../../src/protocols/MediaProtocol.ts"

const mulaw: MediaFormat = { encoding: "mulaw", sampleRate: 8_000 }
const alaw: MediaFormat = { encoding: "alaw", sampleRate: 8_000 }
const little: MediaFormat = { encoding: "l16", sampleRate: 16_000, littleEndian: true }
const big: MediaFormat = { encoding: "l16", sampleRate: 16_000, littleEndian: false }

const Samples = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 })))
const room = new Int16Array(Payload.MAX_PAYLOAD_BYTES)

const decoded = (payload: string, format: MediaFormat): Int16Array | string => {
  const count = Payload.decode(payload, format, room)
  return typeof count === "string" ? count : room.slice(0, count)
}

describe("Payload", () => {
  it("reads and writes golden payloads", () => {
    const pcm = Int16Array.of(0, 1_000, -1_000, 32_767)
    assert.strictEqual(Payload.encode(pcm, mulaw), Buffer.of(0xff, 0xce, 0x4e, 0x80).toString("base64"))
    assert.strictEqual(Payload.encode(pcm, alaw), Buffer.of(0xd5, 0xfa, 0x7a, 0xaa).toString("base64"))
    assert.strictEqual(Payload.encode(Int16Array.of(1, -2), little), Buffer.of(1, 0, 0xfe, 0xff).toString("base64"))
    assert.strictEqual(Payload.encode(Int16Array.of(1, -2), big), Buffer.of(0, 1, 0xff, 0xfe).toString("base64"))
    assert.deepStrictEqual(decoded("AQD+/w==", little), Int16Array.of(1, -2))
    assert.deepStrictEqual(decoded("AAH//g==", big), Int16Array.of(1, -2))
    assert.deepStrictEqual(decoded("/85OgA==", mulaw), G711.decodeMuLaw(Uint8Array.of(0xff, 0xce, 0x4e, 0x80)))
    // without its padding
    assert.deepStrictEqual(decoded("/85OgA", mulaw), G711.decodeMuLaw(Uint8Array.of(0xff, 0xce, 0x4e, 0x80)))
  })

  it.prop("what is encoded is read back", [Samples], ([samples]) => {
    const pcm = Int16Array.from(samples)
    if (pcm.length === 0) return
    for (const format of [little, big]) assert.deepStrictEqual(decoded(Payload.encode(pcm, format), format), pcm)
    assert.deepStrictEqual(decoded(Payload.encode(pcm, mulaw), mulaw), G711.decodeMuLaw(G711.encodeMuLaw(pcm)))
    assert.deepStrictEqual(decoded(Payload.encode(pcm, alaw), alaw), G711.decodeALaw(G711.encodeALaw(pcm)))
  })

  it("says what is wrong with a payload", () => {
    for (
      const broken of ["!", "AAAAA", "A", "AA=A", "====", "AAA=AAA=", "A A A A ", "AAAA\n", "AAA☃", "=AAA", "AA==A"]
    ) {
      assert.strictEqual(decoded(broken, mulaw), "audio that is not base64", broken)
    }
    assert.strictEqual(decoded("", mulaw), "a message without audio")
    assert.strictEqual(decoded("AAAA", little), "audio with an odd number of bytes")
    assert.strictEqual(decoded("A".repeat(65_540), mulaw), "more audio than a message may have")
    assert.strictEqual(Payload.decode("AAAAAAAA", mulaw, new Int16Array(5)), "more audio than a message may have")
  })

  it("reads the largest payload, and writes no more than that", () => {
    const most = new Int16Array(Payload.MAX_PAYLOAD_BYTES)
    const payload = Payload.encode(most, mulaw)
    assert.strictEqual(payload.length, 65_536)
    assert.strictEqual(Payload.decode(payload, mulaw, room), Payload.MAX_PAYLOAD_BYTES)
    assert.strictEqual(Payload.encode(most, little).length, 65_536)
    assert.strictEqual(Payload.encode(new Int16Array(60_000), mulaw).length, 65_536)
  })
})
