import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Pcm from "../../src/audio/Pcm.ts"
import { AUDIO_RATES, AudioSocketFrames, encode, Kind } from "../../src/protocols/audiosocket/AudioSocketFrames.ts"
import { protocolAt } from "../../src/protocols/audiosocket/AudioSocketProtocol.ts"
import type { MediaListener } from "../../src/protocols/MediaProtocol.ts"

const id = Uint8Array.from({ length: 16 }, (_, i) => i * 16 + i)

const talk = (rate = 8_000) => {
  const heard: Array<Int16Array> = []
  const digits: Array<string> = []
  const stops: Array<string> = []
  const faults: Array<string> = []
  const protocol = protocolAt(rate)
  const opening = protocol.open(encode(Kind.ID, id), true)
  const codec = protocol.make(opening._tag === "Started" ? opening.start : assert.fail(opening._tag))
  const listener: MediaListener = {
    audio: (pcm) => void heard.push(pcm.slice()),
    gap: () => assert.fail("AudioSocket has no numbers: it cannot know of a gap"),
    digit: (digit) => void digits.push(digit),
    mark: () => assert.fail("AudioSocket has no marks"),
    stopped: (reason) => void stops.push(reason),
    malformed: (reason) => void faults.push(reason)
  }
  const samples = new Int16Array(4_800)
  return {
    codec,
    heard,
    digits,
    stops,
    faults,
    frame: (data: Uint8Array) => codec.receive(data, true, samples, listener),
    tells: (kind: number, payload: Uint8Array) => codec.receive(encode(kind, payload), true, samples, listener)
  }
}

const Frame = Schema.Struct({
  kind: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })),
  payload: Schema.Uint8Array
})

describe("AudioSocketFrames", () => {
  it.prop("cuts any stream into its frames, wherever the bytes are cut", [
    Schema.Array(Frame),
    Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })))
  ], ([given, cuts]) => {
    const wire = Uint8Array.from(given.flatMap(({ kind, payload }) => [...encode(kind, payload)]))
    const frames = new AudioSocketFrames()
    const got: Array<Uint8Array> = []
    let at = 0
    for (let i = 0; at < wire.length; i++) {
      const end = at + (cuts[i % Math.max(1, cuts.length)] ?? 7)
      frames.push(wire.subarray(at, end), (frame) => void got.push(frame.slice()))
      at = end
    }
    assert.deepStrictEqual(got, given.map(({ kind, payload }) => encode(kind, payload)))
  })

  it("takes the longest frame, in small pieces", () => {
    const frames = new AudioSocketFrames()
    const long = encode(Kind.AUDIO, new Uint8Array(0xffff).fill(7))
    const got: Array<number> = []
    for (let at = 0; at < long.length; at += 1_000) {
      frames.push(long.subarray(at, at + 1_000), (frame) => void got.push(frame.length))
    }
    frames.push(encode(Kind.HANG_UP, new Uint8Array(0)), (frame) => void got.push(frame.length))
    assert.deepStrictEqual(got, [65_538, 3])
  })
})

describe("AudioSocketProtocol", () => {
  it("takes the UUID as the call's id, and nothing else first", () => {
    const protocol = protocolAt(16_000)
    const opening = protocol.open(encode(Kind.ID, id), true)
    assert.deepStrictEqual(opening, {
      _tag: "Started",
      start: {
        streamId: "00112233-4455-6677-8899-aabbccddeeff",
        callId: "00112233-4455-6677-8899-aabbccddeeff",
        input: { encoding: "l16", sampleRate: 16_000 },
        output: { encoding: "l16", sampleRate: 16_000 },
        parameters: {}
      }
    })
    for (
      const first of [
        encode(Kind.AUDIO, new Uint8Array(320)),
        encode(Kind.ID, new Uint8Array(15)),
        encode(Kind.HANG_UP, new Uint8Array(0)),
        new Uint8Array(0)
      ]
    ) assert.strictEqual(protocol.open(first, true)._tag, "Invalid")
  })

  it("sends and hears 20 ms a frame at each rate, and makes a shorter end whole with silence", () => {
    for (const rate of AUDIO_RATES) {
      const line = talk(rate)
      const frame = Int16Array.from({ length: rate / 50 }, (_, i) => i - 100)
      const sent = line.codec.audio(frame)
      const kind = Kind.AUDIO + AUDIO_RATES.indexOf(rate)
      assert.deepStrictEqual(sent, encode(kind, Pcm.fromInt16(frame)))
      assert.strictEqual(line.frame(sent instanceof Uint8Array ? sent : assert.fail()), 20)
      assert.deepStrictEqual(line.heard, [frame])
      const expected = new Int16Array(rate / 50)
      expected.set(frame.subarray(0, 10))
      assert.deepStrictEqual(line.codec.audio(frame.subarray(0, 10)), encode(kind, Pcm.fromInt16(expected)))
    }
  })

  it("hears the keypad and the end of the call", () => {
    const line = talk()
    for (const digit of "09*#aD") line.tells(Kind.DTMF, new TextEncoder().encode(digit))
    assert.strictEqual(line.digits.join(""), "09*#AD")
    for (const wrong of ["", "12", "E", " "]) line.tells(Kind.DTMF, new TextEncoder().encode(wrong))
    assert.strictEqual(line.digits.length, 6)
    assert.strictEqual(line.faults.length, 4)
    line.tells(Kind.HANG_UP, new Uint8Array(0))
    assert.strictEqual(line.stops.length, 1)
    assert.deepStrictEqual(line.codec.hangUp?.(), encode(Kind.HANG_UP, new Uint8Array(0)))
    assert.isUndefined(line.codec.clear)
    assert.isUndefined(line.codec.mark)
  })

  it("goes on after frames that are not of the protocol", () => {
    const line = talk()
    line.tells(Kind.ID, id)
    line.tells(Kind.AUDIO + 2, new Uint8Array(640))
    line.tells(0x77, new Uint8Array(3))
    line.tells(Kind.ERROR, Uint8Array.of(1))
    line.tells(Kind.AUDIO, new Uint8Array(0xffff))
    line.tells(Kind.AUDIO, new Uint8Array(321))
    // the last one is long and odd
    assert.strictEqual(line.faults.length, 7)
    assert.include(line.faults[1], "16000 Hz instead of 8000")
    assert.deepStrictEqual(line.heard.map(({ length }) => length), [160])
  })

  it.prop("bears any frame", [Frame, Schema.Uint8Array], ([{ kind, payload }, bytes]) => {
    const line = talk()
    assert.isTrue(line.tells(kind, payload) > 0)
    assert.isTrue(line.frame(bytes) > 0)
    protocolAt(8_000).open(bytes, true)
  })
})
