import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import * as G711 from "../../src/audio/G711.ts"
import * as Wav from "../../src/audio/Wav.ts"

const fixtures = new URL("../fixtures/", import.meta.url)
const Samples = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32768, maximum: 32767 })))
const ramp = Int16Array.of(0, 1, -1, 256, -256, 12345, -12345, 32767, -32768)

const ascii = (text: string) => [...text].map((c) => c.charCodeAt(0))
const u16 = (n: number) => [n & 0xff, n >> 8 & 0xff]
const u32 = (n: number) => [n & 0xff, n >>> 8 & 0xff, n >>> 16 & 0xff, n >>> 24 & 0xff]
const chunk = (id: string, body: ReadonlyArray<number>, size = body.length) => [
  ...ascii(id),
  ...u32(size),
  ...body,
  ...(body.length % 2 === 1 ? [0] : [])
]
const fmt = (tag: number, channels: number, bits: number, rate = 16000, align = channels * bits / 8) => [
  ...u16(tag),
  ...u16(channels),
  ...u32(rate),
  ...u32(rate * align),
  ...u16(align),
  ...u16(bits)
]
const subtypeTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]
const extensible = (tag: number, channels: number, bits: number, valid = bits) => [
  ...fmt(0xfffe, channels, bits),
  ...u16(22),
  ...u16(valid),
  ...u32(0),
  ...u16(tag),
  ...subtypeTail
]
const riff = (chunks: ReadonlyArray<ReadonlyArray<number>>, size?: number, form = "RIFF") => {
  const body = [...ascii("WAVE"), ...chunks.flat()]
  return Uint8Array.from([...ascii(form), ...u32(size ?? body.length), ...body])
}
const bytesOf = (data: Float32Array | Float64Array | Int16Array | Int32Array) => [...new Uint8Array(data.buffer)]
const ok = (bytes: Uint8Array, options?: { readonly maxSeconds?: number }): Wav.Wav =>
  Result.getOrThrow(Wav.parse(bytes, options))
const samplesOf = (bytes: Uint8Array) => [...ok(bytes).samples]
const reasonOf = (bytes: Uint8Array) => {
  const result = Wav.parse(bytes)
  return Result.isFailure(result) ? [result.failure.reason, result.failure.at] : "parsed"
}

describe("Wav", () => {
  it("reads every recording of the fixtures", () => {
    const seconds = Object.fromEntries(
      readdirSync(fixtures).filter((name) => name.endsWith(".wav")).map((name) => {
        const wav = ok(readFileSync(new URL(name, fixtures)))
        assert.strictEqual(wav.sampleRate, 16000)
        assert.strictEqual(wav.channels, 1)
        assert.isFalse(wav.truncated)
        return [name, Math.round(wav.samples.length / 160) / 100]
      })
    )
    assert.deepEqual(seconds, {
      "cold-hearted.wav": 5.3,
      "eight-of-spades.wav": 3.5,
      "ill-disposed.wav": 2.99,
      "prudently.wav": 7.1,
      "queen-of-clubs.wav": 1.96
    })
  })

  it.prop("what is encoded is read back", [Samples], ([samples]) => {
    const wav = ok(Wav.encode(Int16Array.from(samples), { sampleRate: 24000 }))
    assert.deepEqual([...wav.samples], [...samples])
    assert.strictEqual(wav.sampleRate, 24000)
  })

  it("mixes any number of channels down", () => {
    assert.deepEqual(samplesOf(Wav.encode(Int16Array.of(10, 20, 30, 50, 7), { sampleRate: 8000, channels: 2 })), [
      15,
      40
    ])
    assert.deepEqual(
      samplesOf(riff([chunk("fmt ", fmt(1, 5, 16)), chunk("data", bytesOf(Int16Array.of(1, 2, 3, 4, 5)))])),
      [
        3
      ]
    )
    assert.deepEqual(samplesOf(riff([chunk("fmt ", fmt(1, 2, 8)), chunk("data", [128, 130, 0, 0])])), [256, -32768])
  })

  it("reads 8, 24 and 32 bits, floats, µ-law and A-law", () => {
    const read = (format: ReadonlyArray<number>, data: ReadonlyArray<number>) =>
      samplesOf(riff([chunk("fmt ", format), chunk("data", data)]))
    assert.deepEqual(read(fmt(1, 1, 8), [0, 128, 255]), [-32768, 0, 32512])
    assert.deepEqual(read(fmt(1, 1, 24), [...ramp].flatMap((s) => [0, ...u16(s)])), [...ramp])
    assert.deepEqual(read(fmt(1, 1, 24), [0xff, 0xff, 0x7f, 0x7f, 0, 0]), [32767, 0])
    assert.deepEqual(read(fmt(1, 1, 32), [...ramp].flatMap((s) => [0, 0, ...u16(s)])), [...ramp])
    const floats = Float32Array.of(0, 0.5, -0.5, 1, -1, 2, Number.NaN, Infinity, -Infinity)
    const expected = [0, 16384, -16384, 32767, -32768, 32767, 0, 32767, -32768]
    assert.deepEqual(read(fmt(3, 1, 32), bytesOf(floats)), expected)
    assert.deepEqual(read(fmt(3, 1, 64), bytesOf(Float64Array.from(floats))), expected)
    assert.deepEqual(read(fmt(7, 1, 8), [...G711.encodeMuLaw(ramp)]), [...G711.decodeMuLaw(G711.encodeMuLaw(ramp))])
    assert.deepEqual(read(fmt(6, 1, 8), [...G711.encodeALaw(ramp)]), [...G711.decodeALaw(G711.encodeALaw(ramp))])
  })

  it("reads the extensible format, also 24 valid bits in 32", () => {
    const data = chunk("data", [...ramp].flatMap((s) => [0, 0, ...u16(s)]))
    assert.deepEqual(samplesOf(riff([chunk("fmt ", extensible(1, 1, 32, 24)), data])), [...ramp])
    assert.deepEqual(
      samplesOf(riff([chunk("fmt ", extensible(3, 1, 32)), chunk("data", bytesOf(Float32Array.of(0.5)))])),
      [
        16384
      ]
    )
    const unknown = extensible(1, 1, 16)
    unknown[30] = 99
    assert.deepEqual(reasonOf(riff([chunk("fmt ", unknown), data])), ["unsupported_encoding", 44])
  })

  it("takes chunks in any order, pads odd ones and ignores unknown ones", () => {
    const data = chunk("data", bytesOf(ramp))
    assert.deepEqual(
      samplesOf(riff([chunk("LIST", [1, 2, 3]), data, chunk("none", []), chunk("fmt ", fmt(1, 1, 16))])).length,
      9
    )
    assert.deepEqual(
      samplesOf(riff([chunk("junk", [1]), chunk("fmt ", fmt(1, 1, 16)), chunk("odd ", [1, 2, 3]), data])),
      [
        ...ramp
      ]
    )
  })

  it("returns the samples of a truncated file", () => {
    const whole = Wav.encode(ramp, { sampleRate: 16000 })
    const wav = ok(whole.subarray(0, whole.length - 3))
    assert.deepEqual([...wav.samples], [...ramp.subarray(0, 7)])
    assert.isTrue(wav.truncated)
  })

  it("reads to the end after a streaming header, but not past an empty chunk", () => {
    const head = chunk("fmt ", fmt(1, 1, 16))
    const body = bytesOf(ramp)
    for (const [size, data] of [[0xffffffff, 0xffffffff], [0, 0], [36, 0], [0xffffffff, 0]] as const) {
      assert.deepEqual(samplesOf(riff([head, chunk("data", body, data)], size)), [...ramp], `${size} ${data}`)
    }
    assert.deepEqual(samplesOf(riff([head, chunk("data", []), chunk("LIST", [1, 2, 3, 4])])), [])
    assert.deepEqual(samplesOf(riff([head, chunk("data", body, 0xffffffff)], 0xffffffff, "RF64")), [...ramp])
    const streamed = new Uint8Array([...Wav.header({ sampleRate: 16000 }), ...body])
    assert.deepEqual(samplesOf(streamed), [...ramp])
    assert.isFalse(ok(streamed).truncated)
    Wav.patch(streamed, body.length)
    assert.deepEqual(streamed, Wav.encode(ramp, { sampleRate: 16000 }))
  })

  it("refuses malformed files with the offset of the error", () => {
    const head = chunk("fmt ", fmt(1, 1, 16))
    const data = chunk("data", bytesOf(ramp))
    const withFormat = (format: ReadonlyArray<number>) => reasonOf(riff([chunk("fmt ", format), data]))
    assert.deepEqual(reasonOf(new Uint8Array(0)), ["too_short", 0])
    assert.deepEqual(reasonOf(Uint8Array.from(ascii("RIFX    WAVEfmt "))), ["not_wav", 0])
    assert.deepEqual(reasonOf(riff([])), ["no_format", 12])
    assert.deepEqual(reasonOf(riff([data])), ["no_format", 38])
    assert.deepEqual(reasonOf(riff([head])), ["no_data", 36])
    assert.deepEqual(withFormat([1, 0, 1, 0]), ["bad_format", 20])
    assert.deepEqual(withFormat(fmt(0x55, 1, 16)), ["unsupported_encoding", 20])
    assert.deepEqual(withFormat(fmt(1, 0, 16)), ["bad_format", 22])
    assert.deepEqual(withFormat(fmt(1, 1, 16, 0)), ["bad_format", 24])
    assert.deepEqual(withFormat(fmt(1, 1, 16, 4_000_000_000)), ["bad_format", 24])
    assert.deepEqual(withFormat(fmt(1, 1, 16, 16000, 7)), ["bad_format", 32])
    assert.deepEqual(withFormat(fmt(1, 2, 16, 16000, 3)), ["bad_format", 32])
    assert.deepEqual(withFormat(fmt(1, 1, 64)), ["bad_format", 32])
    assert.deepEqual(withFormat(fmt(3, 1, 16)), ["bad_format", 32])
    assert.deepEqual(withFormat(extensible(1, 1, 16).slice(0, 30)), ["bad_format", 20])
    assert.deepEqual(reasonOf(riff(Array.from({ length: 5000 }, () => chunk("none", [])))), ["too_many_chunks", 32780])
  })

  it("refuses audio that is too long", () => {
    const bytes = Wav.encode(new Int16Array(16001), { sampleRate: 16000 })
    const result = Wav.parse(bytes, { maxSeconds: 1 })
    assert.isTrue(Result.isFailure(result) && result.failure.reason === "too_long")
    assert.isTrue(Result.isSuccess(Wav.parse(bytes, { maxSeconds: 2 })))
  })

  const Byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  const Place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))
  const Mutation = Schema.Struct({ at: Place, value: Byte, width: Schema.Literals([1, 2, 4]) })
  const valid = [
    Wav.encode(ramp, { sampleRate: 16000 }),
    riff([chunk("fmt ", extensible(1, 2, 24)), chunk("LIST", [1, 2, 3]), chunk("data", bytesOf(ramp))]),
    riff([chunk("data", bytesOf(ramp)), chunk("fmt ", fmt(3, 1, 32))]),
    riff([chunk("fmt ", fmt(7, 1, 8)), chunk("data", [1, 2, 3])])
  ]

  it.prop(
    "mutated and cut files give a value or a WavError that points into the file, and never more samples than bytes",
    [
      Schema.Array(Mutation).check(Schema.isMaxLength(6)),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 110 })),
      Schema.Literals([0, 1, 2, 3])
    ],
    ([mutations, length, which]) => {
      const bytes = valid[which]!.slice(0, length)
      for (const { at, value, width } of mutations) {
        bytes.fill(value, at, at + width)
      }
      const result = Wav.parse(bytes)
      if (Result.isFailure(result)) {
        assert.instanceOf(result.failure, Wav.WavError)
        assert.isTrue(result.failure.at >= 0 && result.failure.at <= bytes.length)
      } else {
        assert.isAtMost(result.success.samples.length, bytes.length)
        assert.isTrue(result.success.sampleRate >= 1000 && result.success.channels > 0)
      }
    },
    { arbitrary: { runs: 5000 } }
  )
})
