import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as G711 from "../../src/audio/G711.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import { protocol } from "../../src/protocols/asterisk/AsteriskProtocol.ts"
import type { MediaListener, MediaOpening } from "../../src/protocols/MediaProtocol.ts"

const encoder = new TextEncoder()
const bytesOf = (message: unknown) => encoder.encode(typeof message === "string" ? message : JSON.stringify(message))

// as Asterisk 22.10.1 sent it
const mediaStart = (format = "slin16", frameBytes = 640) => ({
  event: "MEDIA_START",
  connection_id: "effectvoice",
  channel: "WebSocket/effectvoice/0x7fd2e0001d10",
  channel_id: "1795951462.22",
  format,
  optimal_frame_size: frameBytes,
  ptime: 20,
  channel_variables: {
    MEDIA_WEBSOCKET_CONNECTION_ID: "effectvoice",
    MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE: String(frameBytes)
  }
})
const plainStart =
  "MEDIA_START connection_id:effectvoice channel:WebSocket/effectvoice/0x7fd2 channel_id:1795951462.22 format:ulaw optimal_frame_size:160 ptime:20"

const started = (opening: MediaOpening) => {
  assert.strictEqual(opening._tag, "Started")
  return opening._tag === "Started" ? opening.start : assert.fail()
}

const talk = (first: unknown = mediaStart()) => {
  const heard: Array<Int16Array> = []
  const digits: Array<string> = []
  const marks: Array<string> = []
  const faults: Array<string> = []
  const codec = protocol.make(started(protocol.open(bytesOf(first), false)))
  const listener: MediaListener = {
    audio: (pcm) => void heard.push(pcm.slice()),
    gap: () => assert.fail("binary audio has no numbers: it cannot know of a gap"),
    digit: (digit) => void digits.push(digit),
    mark: (name) => void marks.push(name),
    stopped: () => assert.fail("Asterisk says nothing before it closes"),
    malformed: (reason) => void faults.push(reason)
  }
  const samples = new Int16Array(9_600)
  return {
    codec,
    heard,
    digits,
    marks,
    faults,
    bytes: (data: Uint8Array, isBinary = true) => codec.receive(data, isBinary, samples, listener),
    tells: (message: unknown) => codec.receive(bytesOf(message), false, samples, listener),
    /** The id of a mark, as the command has it. */
    mark: (name: string): string => {
      const text = String(codec.mark?.(name))
      return text.startsWith("{") ? JSON.parse(text).correlation_id : (text.split(" ")[1] ?? "")
    }
  }
}

const Sample = Schema.Int.check(Schema.isBetween({ minimum: -32768, maximum: 32767 }))

describe("AsteriskProtocol", () => {
  it("takes the channel, the codec and the variables from the first message, in both forms", () => {
    const json = started(protocol.open(bytesOf(mediaStart()), false))
    assert.strictEqual(json.callId, "1795951462.22")
    assert.deepStrictEqual(json.input, { encoding: "l16", sampleRate: 16_000 })
    assert.deepStrictEqual(json.output, json.input)
    assert.strictEqual(json.parameters["MEDIA_WEBSOCKET_CONNECTION_ID"], "effectvoice")
    const plain = started(protocol.open(bytesOf(plainStart), false))
    assert.strictEqual(plain.callId, "1795951462.22")
    assert.deepStrictEqual(plain.input, { encoding: "mulaw", sampleRate: 8_000 })
    assert.deepStrictEqual(plain.parameters, {})
  })

  it("refuses codecs and frames that it does not speak", () => {
    const openings = [
      protocol.open(new Uint8Array(640), true),
      protocol.open(bytesOf(mediaStart("opus", 0)), false),
      protocol.open(bytesOf(mediaStart("toString", 640)), false),
      protocol.open(bytesOf(mediaStart("slin16", 320)), false),
      protocol.open(bytesOf("{\"event\":"), false),
      protocol.open(bytesOf(""), false),
      protocol.open(bytesOf({ event: "MEDIA_START" }), false),
      protocol.open(new Uint8Array(70_000).fill(65), false)
    ]
    for (const opening of openings) assert.strictEqual(opening._tag, "Invalid")
    assert.strictEqual(protocol.open(bytesOf("STATUS channel_id:1"), false)._tag, "More")
  })

  it.prop("hears what was sent, at any alignment, for its duration", [Schema.Array(Sample)], ([given]) => {
    const line = talk()
    const samples = Int16Array.from(given)
    const shifted = new Uint8Array(samples.byteLength + 1)
    shifted.set(Pcm.fromInt16(samples), 1)
    const cost = line.bytes(shifted.subarray(1))
    assert.deepStrictEqual(line.heard, samples.length === 0 ? [] : [samples])
    assert.strictEqual(cost, Math.max(1, samples.length / 16))
    assert.deepStrictEqual(line.faults, [])
  })

  it.prop("hears both laws", [Schema.Uint8Array], ([data]) => {
    for (const [format, decode] of [["ulaw", G711.decodeMuLaw], ["alaw", G711.decodeALaw]] as const) {
      const line = talk(mediaStart(format, 160))
      line.bytes(data)
      assert.deepStrictEqual(line.heard, data.length === 0 ? [] : [decode(data)])
    }
  })

  it("sends whole frames, and makes a shorter end whole with silence", () => {
    for (
      const [format, rate, bytes] of [["slin", 8_000, 320], ["slin16", 16_000, 640], ["slin44", 44_100, 1_764], [
        "slin48",
        48_000,
        1_920
      ]] as const
    ) {
      const { codec } = talk(mediaStart(format, bytes))
      const frame = Int16Array.from({ length: rate / 50 }, (_, i) => i - 100)
      assert.deepStrictEqual(codec.audio(frame), Pcm.fromInt16(frame))
      for (const length of [0, 1, 10]) {
        const end = codec.audio(frame.subarray(0, length))
        const expected = new Int16Array(rate / 50)
        expected.set(frame.subarray(0, length))
        assert.deepStrictEqual(Pcm.copyInt16(end instanceof Uint8Array ? end : assert.fail()), expected)
      }
    }
    const { codec } = talk(mediaStart("ulaw", 160))
    const end = codec.audio(new Int16Array([1_000]))
    assert.deepStrictEqual(end, G711.encodeMuLaw(Int16Array.from({ length: 160 }, (_, i) => i === 0 ? 1_000 : 0)))
  })

  it("writes commands as it is told to, none longer than Asterisk reads", () => {
    const json = talk().codec
    assert.strictEqual(json.mark?.("x".repeat(500)), `{"command":"MARK_MEDIA","correlation_id":"1"}`)
    assert.strictEqual(json.clear?.(), `{"command":"FLUSH_MEDIA"}`)
    assert.strictEqual(json.hangUp?.(), `{"command":"HANGUP"}`)
    const plain = talk(plainStart).codec
    assert.strictEqual(plain.mark?.("reply 1"), "MARK_MEDIA 1")
    assert.strictEqual(plain.clear?.(), "FLUSH_MEDIA")
    assert.strictEqual(plain.hangUp?.(), "HANGUP")
  })

  it("reports marks when they have been played, in both forms", () => {
    for (const first of [mediaStart(), plainStart]) {
      const line = talk(first)
      const processed = (id: string) =>
        line.tells(
          first === plainStart
            ? `MEDIA_MARK_PROCESSED ${id}`
            : { event: "MEDIA_MARK_PROCESSED", channel_id: "1", correlation_id: id }
        )
      const [one, two] = [line.mark("e1.1"), line.mark("e1.2")]
      processed(one)
      processed(one)
      processed("x")
      assert.deepStrictEqual(line.marks, ["e1.1"])
      processed(two)
      assert.deepStrictEqual(line.marks, ["e1.1", "e1.2"])
      assert.deepStrictEqual(line.faults, [])
    }
  })

  it("reports the marks that a flush has dropped, of which Asterisk says nothing", () => {
    const line = talk()
    line.mark("e1.1")
    line.mark("e1.2")
    line.codec.clear?.()
    const later = line.mark("e2.1")
    assert.deepStrictEqual(line.marks, [])
    line.bytes(new Uint8Array(640))
    assert.deepStrictEqual(line.marks, ["e1.1", "e1.2"])
    line.tells({ event: "MEDIA_MARK_PROCESSED", correlation_id: later })
    assert.deepStrictEqual(line.marks, ["e1.1", "e1.2", "e2.1"])
  })

  const Step = Schema.Literals(["mark", "clear", "played", "audio"])
  it.prop("tells each mark once and in order, whatever happens", [Schema.Array(Step)], ([steps]) => {
    const line = talk()
    const sent: Array<string> = []
    let queue: Array<string> = []
    for (const step of steps) {
      if (step === "mark") {
        const name = `m${sent.length}`
        sent.push(name)
        queue.push(line.mark(name))
      } else if (step === "clear") {
        line.codec.clear?.()
        queue = []
      } else if (step === "audio") line.bytes(new Uint8Array(640))
      else {
        const id = queue.shift()
        if (id !== undefined) line.tells({ event: "MEDIA_MARK_PROCESSED", correlation_id: id })
      }
    }
    assert.deepStrictEqual(line.marks, sent.slice(0, line.marks.length))
    line.codec.clear?.()
    line.bytes(new Uint8Array(640))
    assert.deepStrictEqual(line.marks, sent, "a flush leaves no mark behind")
  })

  it("remembers a bounded number of marks", () => {
    const line = talk()
    for (let i = 0; i < 3_000; i++) line.codec.mark?.(`m${i}`)
    line.codec.clear?.()
    line.bytes(new Uint8Array(640))
    assert.strictEqual(line.marks.length, 1_024)
    assert.strictEqual(line.marks.at(-1), "m2999")
  })

  it("waits while Asterisk's queue is full", () => {
    const line = talk()
    assert.isTrue(line.codec.accepts?.())
    line.tells({ event: "MEDIA_XOFF", channel_id: "1" })
    assert.isFalse(line.codec.accepts?.())
    line.tells("MEDIA_XON")
    assert.isTrue(line.codec.accepts?.())
    line.tells("MEDIA_XOFF")
    line.codec.clear?.()
    assert.isTrue(line.codec.accepts?.(), "a flush empties the queue")
  })

  it("hears the keypad, and nothing else as a key", () => {
    const line = talk()
    for (const digit of ["0", "9", "*", "#", "d"]) line.tells({ event: "DTMF_END", channel_id: "1", digit })
    line.tells("DTMF_END digit:7 channel_id:1795951462.22")
    assert.deepStrictEqual(line.digits, ["0", "9", "*", "#", "D", "7"])
    for (const digit of ["", "12", "E", null, { a: 1 }]) line.tells({ event: "DTMF_END", digit })
    assert.strictEqual(line.digits.length, 6)
    assert.strictEqual(line.faults.length, 5)
    assert.isFalse(line.faults.some((reason) => reason.includes("12")), "digits stay out of reasons")
  })

  it("goes on after messages that are not of the protocol", () => {
    const line = talk()
    const costs = [
      line.tells(mediaStart()),
      line.tells("{"),
      line.tells("hello there"),
      line.tells({ event: "ERROR", channel_id: "1", error_text: "Unable to parse JSON command" }),
      line.bytes(new Uint8Array(64 * 1_024)),
      line.bytes(new Uint8Array(641))
    ]
    assert.strictEqual(line.faults.length, 6)
    assert.isTrue(costs.every((cost) => cost > 0))
    assert.deepStrictEqual(line.heard.map(({ length }) => length), [320], "the whole samples of the last one")
    // the last frame of a call may be short
    line.bytes(new Uint8Array(232))
    line.tells({ event: "QUEUE_DRAINED", channel_id: "1" })
    assert.strictEqual(line.faults.length, 6, "an event that is nothing to us is no fault")
    line.bytes(new Uint8Array(0))
    assert.strictEqual(line.heard.length, 2)
  })

  it.prop("bears any bytes and any message", [Schema.Uint8Array, Schema.Json], ([data, value]) => {
    protocol.open(data, true)
    protocol.open(data, false)
    protocol.open(bytesOf(value), false)
    const line = talk()
    for (const cost of [line.bytes(data), line.bytes(data, false), line.tells(value)]) assert.isTrue(cost > 0)
    line.tells({ event: "MEDIA_START", channel_variables: value })
    protocol.open(bytesOf({ ...mediaStart(), channel_variables: value, format: value }), false)
    protocol.open(bytesOf({ ...mediaStart(), channel_variables: value, channel_id: value }), false)
    line.tells({ event: "DTMF_END", digit: value })
    line.tells({ event: "MEDIA_MARK_PROCESSED", correlation_id: value })
    assert.deepStrictEqual(line.marks, [])
  })
})
