import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as PipecatProtocol from "../../src/providers/pipecat/PipecatProtocol.ts"
import type { ClientMessage } from "../../src/session/ClientMessage.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import * as PipecatFrames from "../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../src/wire/Rtvi.ts"

const read = (frame: string | Uint8Array): PipecatFrames.PipecatFrame | PipecatFrames.UnknownFrame => {
  assert.isTrue(typeof frame !== "string", "all frames are binary")
  return typeof frame === "string" ? { _tag: "Unknown", field: 0 } : Result.getOrThrow(PipecatFrames.decode(frame))
}
const messageOf = (frame: string | Uint8Array): Rtvi.RtviMessage => {
  const decoded = read(frame)
  return Result.getOrThrow(Rtvi.decode(decoded._tag === "Message" ? decoded.data : decoded._tag))
}

const talk = () => {
  const heard: Array<Int16Array> = []
  const messages: Array<ClientMessage> = []
  const faults: Array<string> = []
  const replies: Array<Rtvi.RtviMessage> = []
  const protocol = PipecatProtocol.make(
    { inputSampleRate: 16_000, outputSampleRate: 24_000 },
    (frame) => replies.push(messageOf(frame))
  )
  const hearing = {
    audio: (pcm: Int16Array) => void heard.push(pcm.slice()),
    message: (message: ClientMessage) => void messages.push(message),
    malformed: (reason: string) => void faults.push(reason)
  }
  const bytes = (data: Uint8Array, binary = true) => protocol.receive(data, binary, hearing)
  return {
    heard,
    messages,
    faults,
    replies,
    protocol,
    bytes,
    send: (frame: PipecatFrames.PipecatFrame) => bytes(PipecatFrames.encode(frame)),
    say: (message: Rtvi.RtviMessage) => bytes(PipecatFrames.encode({ _tag: "Message", data: Rtvi.encode(message) })),
    told: (event: SessionEvent) => protocol.event(event).map(messageOf)
  }
}

const at = { seq: 1, atMs: Date.UTC(2026, 0, 2) }
const started: SessionEvent = {
  type: "session.started",
  ...at,
  input: { sampleRate: 16_000 },
  output: { sampleRate: 24_000 },
  resumed: false
}

describe("PipecatProtocol", () => {
  it("sends bot-ready once the session has started and the client is ready, in either order", () => {
    const early = talk()
    early.say({ type: "client-ready", id: "c1", data: { version: "2.1.0" } })
    assert.deepStrictEqual(early.replies, [])
    early.told(started)
    const ready = { type: "bot-ready", id: "c1", data: { version: "2.1.0", about: { library: "effect-voice" } } }
    assert.deepStrictEqual(early.replies, [ready])
    const late = talk()
    late.told(started)
    assert.deepStrictEqual(late.replies, [])
    late.say({ type: "client-ready", id: "c1", data: { version: "2.0.3" } })
    assert.deepStrictEqual(late.replies, [ready])
  })

  it("warns a client of another version, and goes on", () => {
    const line = talk()
    line.told(started)
    line.say({ type: "client-ready", id: "c1", data: { version: "3.0.0" } })
    assert.deepStrictEqual(line.replies.map(({ type }) => type), ["error-response", "bot-ready"])
  })

  it("accepts audio at its rate, with any number of channels", () => {
    const line = talk()
    const cost = line.send(PipecatFrames.audio(new Int16Array(320).fill(5), 16_000))
    assert.strictEqual(cost, 20)
    line.send({ _tag: "Audio", audio: Uint8Array.of(2, 0, 4, 0), sampleRate: 16_000, channels: 2 })
    assert.deepStrictEqual(line.heard.map((pcm) => [pcm.length, pcm[0]]), [[320, 5], [1, 3]])
  })

  it("reports audio at another rate once", () => {
    const line = talk()
    for (let i = 0; i < 5; i++) line.send(PipecatFrames.audio(new Int16Array(480), 24_000))
    assert.strictEqual(line.heard.length, 0)
    assert.deepStrictEqual(line.faults, [
      "audio at 24000 Hz on a connection for 16000 Hz: connect with ?input_rate=24000"
    ])
  })

  it("accepts a client's requests", () => {
    const line = talk()
    line.say({ type: "send-text", id: "1", data: { content: "hello", options: { run_immediately: true } } })
    line.say({ type: "client-message", id: "2", data: { t: "playout.position", d: { turn: 1, played_ms: 20 } } })
    line.send({ _tag: "Text", text: "typed" })
    line.send({ _tag: "Interruption" })
    line.say({ type: "disconnect-bot", id: "3" })
    assert.deepStrictEqual(line.messages, [
      { type: "user.text", text: "hello" },
      { type: "playout.position", turn: 1, playedMs: 20 },
      { type: "user.text", text: "typed" },
      { type: "agent.interrupt" },
      { type: "session.end" }
    ])
    assert.deepStrictEqual(line.replies, [
      { type: "server-response", id: "2", data: { t: "playout.position", d: null } }
    ])
    assert.deepStrictEqual(line.faults, [])
  })

  it("answers unsupported and malformed requests by their id", () => {
    const line = talk()
    line.say({ type: "dtmf", id: "1", data: { buttons: ["1"] } })
    line.say({ type: "client-message", id: "2", data: { t: "made.up" } })
    line.say({ type: "client-message", id: "3", data: { t: "user.text", d: { text: 7 } } })
    line.say({ type: "client-message", id: "4" })
    assert.deepStrictEqual(line.replies.map(({ id, type }) => [type, id]), [
      ["error-response", "1"],
      ["error-response", "2"],
      ["error-response", "3"],
      ["error-response", "4"]
    ])
    assert.strictEqual(line.faults.length, 2)
    assert.deepStrictEqual(line.messages, [])
  })

  it("says what is wrong with a frame", () => {
    const line = talk()
    line.bytes(Buffer.from("{}"), false)
    line.bytes(Uint8Array.of(0x12))
    line.send({ _tag: "Message", data: "{}" })
    assert.deepStrictEqual(line.faults, [
      "expected a binary frame with a Pipecat protobuf message",
      "not a protobuf message of Pipecat's",
      "not an RTVI message: expected the label rtvi-ai"
    ])
  })

  it("interrupts with the frame that makes Pipecat drop its output", () => {
    const { protocol } = talk()
    const frame = protocol.clear()
    assert.deepStrictEqual(frame === undefined ? undefined : read(frame), { _tag: "Interruption" })
  })

  it("sends events as a Pipecat bot does, and each of them in its own form", () => {
    const line = talk()
    assert.deepStrictEqual(line.told({ type: "user.transcript", ...at, turn: 1, text: "hi", final: true }), [
      {
        type: "user-transcription",
        data: { text: "hi", user_id: "user", timestamp: "2026-01-02T00:00:00.000Z", final: true }
      },
      {
        type: "server-message",
        data: { type: "user.transcript", seq: 1, at_ms: at.atMs, turn: 1, text: "hi", final: true }
      }
    ])
    const types = (event: SessionEvent) => line.told(event).map(({ type }) => type)
    assert.deepStrictEqual(types({ type: "agent.speech_stopped", ...at, turn: 1, reason: "interrupted", text: "" }), [
      "bot-interrupted",
      "bot-stopped-speaking",
      "server-message"
    ])
    assert.deepStrictEqual(types({ type: "agent.transcript", ...at, turn: 1, text: "hello" }), [
      "bot-output",
      "bot-transcription",
      "server-message"
    ])
    assert.deepStrictEqual(types({ type: "pong", ...at }), ["server-message"])
  })

  it.prop("bears any bytes and any message", [Schema.Uint8Array, Schema.Json], ([data, value]) => {
    const line = talk()
    const costs = [
      line.bytes(data),
      line.bytes(data, false),
      line.send({ _tag: "Message", data: JSON.stringify(value) ?? "" }),
      line.say({ type: "client-message", data: value }),
      line.say({ type: "send-text", data: value }),
      line.say({ type: "client-ready", data: value })
    ]
    assert.isTrue(costs.every((cost) => cost > 0))
  })
})
