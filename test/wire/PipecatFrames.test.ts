import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as PipecatFrames from "../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../src/wire/Rtvi.ts"

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "hex"))

// Written by the Python code that Pipecat generates from its frames.proto.
const golden: ReadonlyArray<readonly [says: string, hex: string, frame: PipecatFrames.PipecatFrame]> = [
  [
    "audio",
    "120b1a040100020020807d2801",
    { _tag: "Audio", audio: bytesOf("01000200"), sampleRate: 16_000, channels: 1 }
  ],
  [
    "audio with all fields, of which one is zero but there",
    "121108071201411a02010020c0bb0128013000",
    { _tag: "Audio", id: 7n, name: "A", audio: bytesOf("0100"), sampleRate: 24_000, channels: 1, pts: 0n }
  ],
  [
    "a message",
    "22500a4e7b226c6162656c223a22727476692d6169222c2274797065223a22636c69656e742d7265616479222c226964223a226331222c22" +
    "64617461223a7b2276657273696f6e223a22322e312e30227d7d",
    { _tag: "Message", data: Rtvi.encode({ type: "client-ready", id: "c1", data: { version: "2.1.0" } }) }
  ],
  ["an interruption", "2a00", { _tag: "Interruption" }],
  [
    "an interruption with a name",
    "2a1708711213496e74657272757074696f6e4672616d652330",
    { _tag: "Interruption", id: 113n, name: "InterruptionFrame#0" }
  ],
  ["text", "0a041a026869", { _tag: "Text", text: "hi" }],
  ["a transcription", "1a0a1a0268692201752a0174", {
    _tag: "Transcription",
    text: "hi",
    userId: "u",
    timestamp: "t"
  }]
]

const decoded = (text: string) => Result.getOrThrow(PipecatFrames.decode(bytesOf(text)))

const Long = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 2n ** 64n - 1n }))
const Uint32 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 32 - 1 }))
const Name = Schema.String.check(
  Schema.isMinLength(1),
  Schema.makeFilter((text: string) => text.isWellFormed())
)
const Text = Schema.String.check(Schema.makeFilter((text: string) => text.isWellFormed()))
const names = { id: Schema.optionalKey(Long), name: Schema.optionalKey(Name) }
const Frame = Schema.Union([
  Schema.TaggedStruct("Text", { ...names, text: Text }),
  Schema.TaggedStruct("Audio", {
    ...names,
    audio: Schema.Uint8Array,
    sampleRate: Uint32,
    channels: Uint32,
    pts: Schema.optionalKey(Long)
  }),
  Schema.TaggedStruct("Transcription", { ...names, text: Text, userId: Text, timestamp: Text }),
  Schema.TaggedStruct("Message", { data: Text }),
  Schema.TaggedStruct("Interruption", { ...names })
])

describe("PipecatFrames", () => {
  for (const [says, text, frame] of golden) {
    it(`reads and writes ${says} as Pipecat does`, () => {
      assert.strictEqual(hex(PipecatFrames.encode(frame)), text)
      assert.deepStrictEqual(decoded(text), frame)
    })
  }

  it.prop("what is written is read back", [Frame], ([frame]) => {
    assert.deepStrictEqual(Result.getOrThrow(PipecatFrames.decode(PipecatFrames.encode(frame))), frame)
  })

  it.prop("any bytes are a frame or a fault", [Schema.Uint8Array], ([bytes]) => {
    const result = PipecatFrames.decode(bytes)
    assert.isTrue(Result.isSuccess(result) || result.failure.length > 0)
  })

  it.prop(
    "a frame that was spoilt is a frame or a fault",
    [Frame, Schema.Natural, Schema.Natural],
    ([frame, at, by]) => {
      const bytes = PipecatFrames.encode(frame)
      bytes[at % bytes.length] = (bytes[at % bytes.length]! + by) & 0xff
      const spoilt = PipecatFrames.decode(bytes)
      assert.isTrue(Result.isSuccess(spoilt) || spoilt.failure.length > 0)
      const cut = PipecatFrames.decode(PipecatFrames.encode(frame).subarray(0, at % bytes.length))
      assert.isTrue(Result.isSuccess(cut) || cut.failure.length > 0)
    }
  )

  const Pcm16 = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 })))
  const Rate = Schema.Int.check(Schema.isBetween({ minimum: 8_000, maximum: 48_000 }))

  it.prop(
    "frames of one length after another are what each of them would be alone",
    [Pcm16, Pcm16, Rate],
    ([a, b, rate]) => {
      const next = PipecatFrames.audioEncoder(rate)
      for (const samples of [a, [...a].reverse(), b, b, a]) {
        const pcm = Int16Array.from(samples)
        assert.strictEqual(hex(next(pcm)), hex(PipecatFrames.encode(PipecatFrames.audio(pcm, rate))))
      }
    }
  )

  it("ignores unknown kinds and fields", () => {
    assert.deepStrictEqual(decoded(""), { _tag: "Unknown", field: 0 })
    // field 9, a message of two bytes
    assert.deepStrictEqual(decoded("4a020801"), { _tag: "Unknown", field: 9 })
    // text, then field 9 beside it; and text with a field 7 in it
    assert.deepStrictEqual(decoded("0a041a0268694a020801"), { _tag: "Text", text: "hi" })
    assert.deepStrictEqual(decoded("0a061a0268693801"), { _tag: "Text", text: "hi" })
    // a sample rate that is a text: as if it were not there
    assert.deepStrictEqual(decoded("12061a0201002200"), {
      _tag: "Audio",
      audio: bytesOf("0100"),
      sampleRate: 0,
      channels: 0
    })
  })

  it("refuses what ends early, claims too much, or is no UTF-8", () => {
    for (const text of ["12", "120b1a04", "12ffffffff0f", "0a041a02ff61", "ffffffffffffffffffff", "0b0b0b0b"]) {
      assert.isTrue(Result.isFailure(PipecatFrames.decode(bytesOf(text))), text)
    }
  })

  it("gives the samples of an audio frame as mono, whatever their alignment", () => {
    const mono = decoded("120b1a040100020020807d2801")
    assert.isTrue(mono._tag === "Audio")
    if (mono._tag !== "Audio") return
    assert.deepStrictEqual([...PipecatFrames.audioDecoder()(mono)], [1, 2])
    const samples = (audio: string, channels: number) => [
      ...PipecatFrames.audioDecoder()({ _tag: "Audio", audio: bytesOf(audio), sampleRate: 16_000, channels })
    ]
    assert.deepStrictEqual(samples("0100030005000900ff", 2), [2, 7])
    assert.deepStrictEqual(samples("ff7f0080", 0), [32_767, -32_768])
    assert.deepStrictEqual(samples("0100", 4_294_967_295), [])
  })
})

describe("Rtvi", () => {
  it("reads what it writes", () => {
    const message = { type: "client-message", id: "1", data: { t: "x", d: [1] } }
    assert.deepStrictEqual(Rtvi.decode(Rtvi.encode(message)), Result.succeed(message))
    assert.deepStrictEqual(Rtvi.decode(Rtvi.encode({ type: "bot-ready" })), Result.succeed({ type: "bot-ready" }))
  })

  it.prop("any text is a message or a fault", [Schema.String], ([text]) => {
    assert.isTrue(Result.isFailure(Rtvi.decode(text)))
  })

  it("says what is wrong and quotes nothing", () => {
    const fault = (text: string) => Result.getOrThrow(Result.flip(Rtvi.decode(text)))
    assert.strictEqual(fault("{"), "not JSON")
    assert.strictEqual(fault("[]"), "not an RTVI message: expected the label rtvi-ai")
    assert.match(fault("{\"label\":\"rtvi-ai\",\"type\":1}"), /without a type/)
    assert.match(fault(`{"label":"rtvi-ai","type":"x","id":"${"i".repeat(200)}"}`), /id is not a string/)
  })

  it("reads fields of data that may be anything", () => {
    assert.strictEqual(Rtvi.textField({ text: "a" }, "text"), "a")
    assert.strictEqual(Rtvi.textField({ text: 1 }, "text"), undefined)
    assert.strictEqual(Rtvi.field(null, "text"), undefined)
    assert.strictEqual(Rtvi.field({}, "constructor"), undefined)
  })
})
