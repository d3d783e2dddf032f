import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Pcm from "../../src/audio/Pcm.ts"
import type { MediaListener, MediaOpening } from "../../src/protocols/MediaProtocol.ts"
import { callHeaders, protocol } from "../../src/protocols/vonage/VonageProtocol.ts"

const encoder = new TextEncoder()
const bytesOf = (message: unknown) => encoder.encode(typeof message === "string" ? message : JSON.stringify(message))

const connected = (rate: number, headers: { readonly [name: string]: unknown } = {}) => ({
  event: "websocket:connected",
  "content-type": `audio/l16;rate=${rate}`,
  ...headers
})

const started = (opening: MediaOpening) => {
  assert.strictEqual(opening._tag, "Started")
  return opening._tag === "Started" ? opening.start : assert.fail()
}

const talk = (rate = 16_000) => {
  const heard: Array<Int16Array> = []
  const digits: Array<string> = []
  const marks: Array<string> = []
  const faults: Array<string> = []
  const codec = protocol.make(started(protocol.open(bytesOf(connected(rate)), false)))
  const listener: MediaListener = {
    audio: (pcm) => void heard.push(pcm.slice()),
    gap: () => assert.fail("binary audio has no numbers: it cannot know of a gap"),
    digit: (digit) => void digits.push(digit),
    mark: (name) => void marks.push(name),
    stopped: () => assert.fail("Vonage says nothing before it closes"),
    malformed: (reason) => void faults.push(reason)
  }
  const samples = new Int16Array(4_800)
  return {
    codec,
    heard,
    digits,
    marks,
    faults,
    bytes: (data: Uint8Array, isBinary = true) => codec.receive(data, isBinary, samples, listener),
    tells: (message: unknown) => codec.receive(bytesOf(message), false, samples, listener)
  }
}

const Rate = Schema.Literals([8_000, 16_000, 24_000])
const Sample = Schema.Int.check(Schema.isBetween({ minimum: -32768, maximum: 32767 }))

describe("VonageProtocol", () => {
  it("takes the call, the rate and the parameters from the first message", () => {
    const start = started(protocol.open(
      bytesOf(connected(24_000, {
        [callHeaders.callId]: "63f61863",
        [callHeaders.from]: "447700900000",
        [callHeaders.to]: "447700900001",
        [callHeaders.direction]: "inbound",
        token: "t1",
        retries: 3,
        vip: true,
        nested: { a: 1 }
      })),
      false
    ))
    assert.deepStrictEqual(start, {
      streamId: "",
      callId: "63f61863",
      from: "447700900000",
      to: "447700900001",
      direction: "inbound",
      input: { encoding: "l16", sampleRate: 24_000 },
      output: { encoding: "l16", sampleRate: 24_000 },
      parameters: { token: "t1", retries: "3", vip: "true" }
    })
  })

  it("waits for the first message, and refuses audio that Vonage does not have", () => {
    const openings = [
      protocol.open(new Uint8Array(640), true),
      protocol.open(bytesOf({ event: "websocket:later" }), false),
      protocol.open(bytesOf(connected(11_025)), false),
      protocol.open(bytesOf({ event: "websocket:connected", "content-type": "audio/pcmu;rate=8000" }), false),
      protocol.open(bytesOf({ event: "websocket:connected" }), false),
      protocol.open(bytesOf("[]"), false),
      protocol.open(bytesOf(connected(8_000, { long: "x".repeat(20_000) })), false)
    ]
    assert.deepStrictEqual(openings.map(({ _tag }) => _tag), [
      "More",
      "More",
      "Invalid",
      "Invalid",
      "Invalid",
      "Invalid",
      "Invalid"
    ])
  })

  it.prop("hears what was sent, at any rate and any alignment, for its duration", [Rate, Schema.Array(Sample)], ([
    rate,
    given
  ]) => {
    const line = talk(rate)
    const samples = Int16Array.from(given)
    const shifted = new Uint8Array(samples.byteLength + 1)
    shifted.set(Pcm.fromInt16(samples), 1)
    const cost = line.bytes(shifted.subarray(1))
    assert.deepStrictEqual(line.heard, samples.length === 0 ? [] : [samples])
    assert.strictEqual(cost, Math.max(1, samples.length / rate * 1_000))
    assert.deepStrictEqual(line.faults, [])
  })

  it("sends 20 ms a message at every rate, and makes a shorter end whole with silence", () => {
    for (const [rate, bytes] of [[8_000, 320], [16_000, 640], [24_000, 960]] as const) {
      const { codec } = talk(rate)
      const frame = Int16Array.from({ length: rate / 50 }, (_, i) => i - 100)
      const sent = codec.audio(frame)
      assert.deepStrictEqual(sent, Pcm.fromInt16(frame))
      const end = codec.audio(frame.subarray(0, 10))
      assert.isTrue(end instanceof Uint8Array && end.length === bytes)
      if (end instanceof Uint8Array) {
        const expected = new Int16Array(rate / 50)
        expected.set(frame.subarray(0, 10))
        assert.deepStrictEqual(Pcm.copyInt16(end), expected)
      }
    }
  })

  it("reports marks when Vonage has played what came before", () => {
    const line = talk()
    assert.strictEqual(line.codec.mark?.("e1.1"), `{"action":"notify","payload":{"mark":"e1.1"}}`)
    line.codec.mark?.("e1.2")
    line.tells({ event: "websocket:notify", payload: { mark: "e1.1" } })
    assert.deepStrictEqual(line.marks, ["e1.1"])
    // one of somebody else's, one again, and one that nobody asked for
    line.tells({ event: "websocket:notify", payload: { song: "intro" } })
    line.tells({ event: "websocket:notify", payload: { mark: "e1.1" } })
    line.tells({ event: "websocket:notify", payload: { mark: "e9.9" } })
    line.tells({ event: "websocket:notify" })
    assert.deepStrictEqual(line.marks, ["e1.1"])
    line.tells({ event: "websocket:notify", payload: { mark: "e1.2" } })
    assert.deepStrictEqual(line.marks, ["e1.1", "e1.2"])
    assert.deepStrictEqual(line.faults, [])
  })

  it("reports the marks that a clear has dropped, and none of what was sent after it", () => {
    const line = talk()
    line.codec.mark?.("e1.1")
    line.codec.mark?.("e1.2")
    assert.strictEqual(line.codec.clear?.(), `{"action":"clear"}`)
    line.codec.mark?.("e2.1")
    assert.deepStrictEqual(line.marks, [], "nothing before Vonage says so")
    line.tells({ event: "websocket:cleared" })
    assert.deepStrictEqual(line.marks, ["e1.1", "e1.2"])
    line.tells({ event: "websocket:cleared" })
    line.tells({ event: "websocket:notify", payload: { mark: "e2.1" } })
    assert.deepStrictEqual(line.marks, ["e1.1", "e1.2", "e2.1"])
  })

  const Step = Schema.Literals(["mark", "clear", "played", "cleared", "lost"])
  it.prop("tells each mark at most once and in order, whatever Vonage answers", [Schema.Array(Step)], ([steps]) => {
    const line = talk()
    const sent: Array<string> = []
    for (const step of steps) {
      if (step === "mark") {
        const name = `m${sent.length}`
        sent.push(name)
        line.codec.mark?.(name)
      } else if (step === "clear") line.codec.clear?.()
      else if (step === "cleared") line.tells({ event: "websocket:cleared" })
      else if (step === "played") {
        const next = sent[line.marks.length]
        if (next !== undefined) line.tells({ event: "websocket:notify", payload: { mark: next } })
      }
    }
    assert.deepStrictEqual(line.marks, sent.slice(0, line.marks.length))
    line.codec.clear?.()
    line.tells({ event: "websocket:cleared" })
    assert.deepStrictEqual(line.marks, sent, "a clear leaves no mark behind")
  })

  it("remembers a bounded number of marks", () => {
    const line = talk()
    for (let i = 0; i < 2_000; i++) line.codec.mark?.(`m${i}`)
    line.codec.clear?.()
    line.tells({ event: "websocket:cleared" })
    assert.strictEqual(line.marks.length, 512)
    assert.strictEqual(line.marks.at(-1), "m1999")
  })

  it("hears the keypad, and nothing else as a key", () => {
    const line = talk()
    for (const digit of ["0", "9", "*", "#", "d", 5]) line.tells({ event: "websocket:dtmf", digit, duration: 260 })
    assert.deepStrictEqual(line.digits, ["0", "9", "*", "#", "D", "5"])
    for (const digit of ["", "12", "E", null, { a: 1 }]) line.tells({ event: "websocket:dtmf", digit })
    assert.strictEqual(line.digits.length, 6)
    assert.strictEqual(line.faults.length, 5)
    assert.isFalse(line.faults.some((reason) => reason.includes("12")), "digits stay out of reasons")
  })

  it("goes on after messages that are not of the protocol", () => {
    const line = talk()
    const costs = [
      line.tells(connected(16_000)),
      line.tells("no JSON"),
      line.tells({ action: "clear" }),
      line.bytes(new Uint8Array(64 * 1_024)),
      line.bytes(new Uint8Array(641))
    ]
    assert.strictEqual(line.faults.length, 5)
    assert.isTrue(costs.every((cost) => cost > 0))
    assert.deepStrictEqual(line.heard.map(({ length }) => length), [320], "the whole samples of the last one")
    line.tells({ event: "websocket:media:update", active: false })
    assert.strictEqual(line.faults.length, 5, "an event that is nothing to us is no fault")
    line.bytes(new Uint8Array(0))
    assert.strictEqual(line.heard.length, 1)
  })

  it.prop("bears any bytes and any message", [Schema.Uint8Array, Schema.Json], ([data, value]) => {
    protocol.open(data, true)
    protocol.open(data, false)
    protocol.open(bytesOf(value), false)
    const line = talk()
    for (const cost of [line.bytes(data), line.bytes(data, false), line.tells(value)]) assert.isTrue(cost > 0)
    line.tells({ event: "websocket:connected", "content-type": value })
    line.tells({ event: "websocket:dtmf", digit: value })
    line.tells({ event: "websocket:notify", payload: value })
    assert.deepStrictEqual(line.marks, [])
  })
})
