import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import * as G711 from "../../src/audio/G711.ts"
import * as Wav from "../../src/audio/Wav.ts"
import { fewer } from "../support/Full.ts"

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
      "queen-of-clubs.wav": 1.96,
      "two-cities.wav": 40.55,
      "two-nine-three-four-zero.wav": 2
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

  it("takes what players take", () => {
    const data = chunk("data", bytesOf(ramp))
    const format = chunk("fmt ", fmt(1, 1, 16))
    const read: ReadonlyArray<readonly [name: string, bytes: Uint8Array]> = [
      ["an odd chunk without its pad byte", riff([format, chunk("LIST", [1, 2, 3]).slice(0, -1), data])],
      ["an odd chunk with its pad byte", riff([format, chunk("LIST", [1, 2, 3]), data])],
      ["names in capital letters", riff([chunk("FMT ", fmt(1, 1, 16)), chunk("DATA", bytesOf(ramp))])],
      ["a tag in front", Uint8Array.from([...ascii("ID3"), 4, 0, 0, 0, 0, 0, 0, ...riff([format, data])])],
      ["a block of one byte for 16 bits", riff([chunk("fmt ", fmt(1, 1, 16, 16000, 1)), data])],
      ["BW64", riff([format, chunk("data", bytesOf(ramp), 0xffffffff)], undefined, "BW64")]
    ]
    for (const [name, bytes] of read) assert.deepEqual(samplesOf(bytes), [...ramp], name)
    const stereo = riff([chunk("fmt ", fmt(1, 2, 16, 16000, 2)), chunk("data", bytesOf(Int16Array.of(5, 5, 9, 9)))])
    assert.deepEqual(samplesOf(stereo), [5, 9], "stereo with the block of one channel")
    const law = riff([chunk("fmt ", fmt(7, 1, 16, 8000, 2)), chunk("data", [0xff, 0x00])])
    assert.deepEqual(samplesOf(law), [0, -32124], "µ-law that claims 16 bits")
  })

  it("reads a 64-bit size from ds64, and takes nothing behind the samples for sound", () => {
    const size = (n: number) => [...u32(n), ...u32(0)]
    const file = riff(
      [
        chunk("ds64", [...size(0), ...size(18), ...size(9), ...u32(0)]),
        chunk("fmt ", fmt(1, 1, 16)),
        chunk("data", bytesOf(ramp), 0xffffffff),
        chunk("LIST", ascii("INFOIART"))
      ],
      0xffffffff,
      "RF64"
    )
    assert.deepEqual(samplesOf(file), [...ramp])
  })

  it("finds the data behind a chunk whose size is wrong", () => {
    const data = chunk("data", bytesOf(ramp))
    const format = chunk("fmt ", fmt(1, 1, 16))
    // 18 bytes of format that say 16, and a list that says more than it has
    assert.deepEqual(samplesOf(riff([[...format, 0, 0], data])), [...ramp])
    assert.deepEqual(samplesOf(riff([format, chunk("LIST", ascii("INFO"), 5_000), data])), [...ramp])
    assert.deepEqual(reasonOf(riff([format, chunk("LIST", ascii("INFO"), 5_000)]))[0], "no_data")
  })

  it("believes 16 bits where the block of one channel is that of two", () => {
    assert.deepEqual(samplesOf(riff([chunk("fmt ", fmt(1, 1, 16, 16000, 4)), chunk("data", bytesOf(ramp))])), [...ramp])
    // but 24 bits may stand in 32
    const padded = [...ramp].flatMap((sample) => [0, 0, ...u16(sample)])
    assert.deepEqual(samplesOf(riff([chunk("fmt ", fmt(1, 1, 24, 16000, 4)), chunk("data", padded)])), [...ramp])
  })

  it("reads big endian files", () => {
    const be16 = (n: number) => [n >> 8 & 0xff, n & 0xff]
    const be32 = (n: number) => [n >>> 24 & 0xff, n >>> 16 & 0xff, n >>> 8 & 0xff, n & 0xff]
    const part = (id: string, body: ReadonlyArray<number>) => [...ascii(id), ...be32(body.length), ...body]
    const format = (
      bits: number
    ) => [...be16(1), ...be16(1), ...be32(16000), ...be32(0), ...be16(bits / 8), ...be16(bits)]
    const file = (bits: number, data: ReadonlyArray<number>) => {
      const body = [...ascii("WAVE"), ...part("fmt ", format(bits)), ...part("data", data)]
      return Uint8Array.from([...ascii("RIFX"), ...be32(body.length), ...body])
    }
    assert.deepEqual(samplesOf(file(16, [...ramp].flatMap(be16))), [...ramp])
    assert.deepEqual(samplesOf(file(24, [...ramp].flatMap((n) => [...be16(n), 0]))), [...ramp])
    assert.deepEqual(samplesOf(file(32, [...ramp].flatMap((n) => [...be16(n), 0, 0]))), [...ramp])
  })

  it("names what it cannot read", () => {
    const messageOf = (bytes: Uint8Array) => {
      const result = Wav.parse(bytes)
      return Result.isFailure(result) ? result.failure.message : "parsed"
    }
    const rest = Array.from({ length: 32 }, () => 0)
    const named: ReadonlyArray<readonly [head: ReadonlyArray<number>, name: RegExp]> = [
      [ascii("OggS"), /is an Ogg file/],
      [ascii("fLaC"), /is a FLAC file/],
      [ascii("ID3"), /is an MP3 file/],
      [[0xff, 0xfb, 0x90], /is an MP3 file/],
      [[0xff, 0xf1, 0x50], /is an AAC file/],
      [[0, 0, 0, 32, ...ascii("ftypM4A ")], /is an MP4 or M4A file/],
      [[0x1a, 0x45, 0xdf, 0xa3], /is a WebM or Matroska file/],
      [ascii("FORM"), /is an AIFF file/],
      [[...ascii("riff"), 0x2e, 0x91, 0xcf, 0x11], /is a Wave64 file/],
      [ascii("<!doctype html>"), /is a text, HTML or XML file/]
    ]
    for (const [head, name] of named) assert.match(messageOf(Uint8Array.from([...head, ...rest])), name)
    const coded = (tag: number) => messageOf(riff([chunk("fmt ", fmt(tag, 1, 16)), chunk("data", [0, 0])]))
    assert.match(coded(0x11), /is IMA ADPCM, not PCM/)
    assert.match(coded(0x55), /is MP3, not PCM/)
    assert.match(coded(0x1234), /format tag 0x1234/)
  })

  it("hears a recording whose channels are in antiphase", () => {
    const sine = Int16Array.from({ length: 3_200 }, (_, i) => Math.round(8_000 * Math.sin(i / 5)))
    const both = Int16Array.from({ length: 6_400 }, (_, i) => i % 2 === 0 ? sine[i >> 1]! : -sine[i >> 1]!)
    assert.deepEqual(samplesOf(Wav.encode(both, { sampleRate: 16000, channels: 2 })), [...sine])
  })

  it("refuses malformed files with the offset of the error", () => {
    const head = chunk("fmt ", fmt(1, 1, 16))
    const data = chunk("data", bytesOf(ramp))
    const withFormat = (format: ReadonlyArray<number>) => reasonOf(riff([chunk("fmt ", format), data]))
    assert.deepEqual(reasonOf(new Uint8Array(0)), ["too_short", 0])
    assert.deepEqual(reasonOf(Uint8Array.from(ascii("RIFZ    WAVEfmt "))), ["not_wav", 0])
    assert.deepEqual(reasonOf(riff([])), ["no_format", 12])
    assert.deepEqual(reasonOf(riff([data])), ["no_format", 38])
    assert.deepEqual(reasonOf(riff([head])), ["no_data", 36])
    assert.deepEqual(withFormat([1, 0, 1, 0]), ["bad_format", 20])
    assert.deepEqual(withFormat(fmt(0x55, 1, 16)), ["unsupported_encoding", 20])
    assert.deepEqual(withFormat(fmt(1, 0, 16)), ["bad_format", 22])
    assert.deepEqual(withFormat(fmt(1, 1, 16, 0)), ["bad_format", 24])
    assert.deepEqual(withFormat(fmt(1, 1, 16, 4_000_000_000)), ["bad_format", 24])
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
    { arbitrary: { runs: fewer(5000) } }
  )
})
