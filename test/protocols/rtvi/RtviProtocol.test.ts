import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { InvalidConfig } from "../../../src/BackendError.ts"
import * as RtviProtocol from "../../../src/protocols/rtvi/RtviProtocol.ts"
import type { ClientMessage } from "../../../src/session/ClientMessage.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import type { SessionEvent, SessionEventBody } from "../../../src/session/SessionEvent.ts"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"

const read = (frame: string | Uint8Array): PipecatFrames.PipecatFrame | PipecatFrames.UnknownFrame =>
  typeof frame === "string" ? { _tag: "Unknown", field: 0 } : Result.getOrThrow(PipecatFrames.decode(frame))

const messageOf = (frame: string | Uint8Array): Rtvi.RtviMessage => {
  if (typeof frame === "string") return Result.getOrThrow(Rtvi.decode(frame))
  const decoded = read(frame)
  return Result.getOrThrow(Rtvi.decode(decoded._tag === "Message" ? decoded.data : decoded._tag))
}

/** A client of the protocol, and what its session hears of it. */
const open = (
  options: RtviProtocol.RtviOptions = {},
  control?: (asked: SessionControl) => InvalidConfig | undefined
) => {
  const heard: Array<Int16Array> = []
  const messages: Array<ClientMessage> = []
  const faults: Array<string> = []
  const replies: Array<string | Uint8Array> = []
  const protocol = RtviProtocol.make(options)(
    { inputSampleRate: 16_000, outputSampleRate: 24_000 },
    (frame) => replies.push(frame)
  )
  const hearing = {
    audio: (pcm: Int16Array) => void heard.push(pcm.slice()),
    message: (message: ClientMessage) => void messages.push(message),
    malformed: (reason: string) => void faults.push(reason),
    control
  }
  const bytes = (data: Uint8Array, binary = true) => protocol.receive(data, binary, hearing)
  let seq = 0
  return {
    heard,
    messages,
    faults,
    protocol,
    bytes,
    /** What it was answered since the last time. */
    answers: () => replies.splice(0).map(messageOf),
    raw: replies,
    send: (frame: PipecatFrames.PipecatFrame) => bytes(PipecatFrames.encode(frame)),
    say: (message: Rtvi.RtviMessage) => bytes(PipecatFrames.encode({ _tag: "Message", data: Rtvi.encode(message) })),
    text: (message: Rtvi.RtviMessage) => bytes(Buffer.from(Rtvi.encode(message)), false),
    tell: (body: SessionEventBody) => {
      const event = { ...body, seq: ++seq, atMs } as SessionEvent
      return protocol.event(event).map(messageOf)
    }
  }
}

const atMs = Date.UTC(2026, 0, 2)
const started: SessionEventBody = {
  type: "session.started",
  input: { sampleRate: 16_000 },
  output: { sampleRate: 24_000 },
  resumed: false
}
const clientReady = { type: "client-ready", id: "c1", data: { version: "2.1.0" } }
const botReady = { type: "bot-ready", id: "c1", data: { version: "2.1.0", about: { library: "effect-voice" } } }

/** A client that is ready, in a session that has begun. */
const ready = (...args: Parameters<typeof open>) => {
  const client = open(...args)
  client.tell(started)
  client.say(clientReady)
  client.answers()
  return client
}

const typesOf = (messages: ReadonlyArray<Rtvi.RtviMessage>) => messages.map(({ type }) => type)

describe("RtviProtocol", () => {
  it("is ready once the session has begun and the client has said so, in either order", () => {
    const early = open()
    early.say(clientReady)
    assert.deepStrictEqual(early.answers(), [])
    early.tell(started)
    assert.deepStrictEqual(early.answers(), [botReady])
    const late = open()
    late.tell(started)
    assert.deepStrictEqual(late.answers(), [])
    late.say({ ...clientReady, data: { version: "2.0.3" } })
    assert.deepStrictEqual(late.answers(), [botReady])
  })

  it("keeps audio and messages back until the client is ready, and sends the messages then", () => {
    const client = open()
    client.tell(started)
    assert.isFalse(client.protocol.accepts?.())
    assert.deepStrictEqual(client.tell({ type: "user.speech_started" }), [])
    client.say(clientReady)
    assert.deepStrictEqual(typesOf(client.answers()), ["bot-ready", "user-started-speaking"])
    assert.isTrue(client.protocol.accepts?.())
    const silent = open()
    for (let i = 0; i < 10_000; i++) silent.tell({ type: "user.speech_started" })
    silent.tell(started)
    silent.say(clientReady)
    assert.lengthOf(silent.answers(), 257)
  })

  it("warns a client of another version and goes on, and answers one of version 1 in its version", () => {
    const client = open()
    client.tell(started)
    client.say({ type: "client-ready", id: "c1", data: { version: "3.0.0" } })
    assert.deepStrictEqual(typesOf(client.answers()), ["error-response", "bot-ready"])
    const old = open()
    old.tell(started)
    old.say({ type: "client-ready", id: "c1", data: { version: "1.2.0" } })
    assert.deepStrictEqual(old.answers(), [{ ...botReady, data: { ...botReady.data, version: "1.2.0" } }])
    const said = old.tell({ type: "agent.transcript", turn: 1, text: "Hello." })
    assert.deepStrictEqual(said.find(({ type }) => type === "bot-output")?.data, {
      text: "Hello.",
      spoken: true,
      aggregated_by: "sentence"
    })
  })

  it("accepts audio at its rate, with any number of channels", () => {
    const client = open()
    const cost = client.send(PipecatFrames.audio(new Int16Array(320).fill(5), 16_000))
    assert.strictEqual(cost, 20)
    client.send({ _tag: "Audio", audio: Uint8Array.of(2, 0, 4, 0), sampleRate: 16_000, channels: 2 })
    assert.deepStrictEqual(client.heard.map((pcm) => [pcm.length, pcm[0]]), [[320, 5], [1, 3]])
  })

  it("reports audio at another rate once", () => {
    const client = open()
    for (let i = 0; i < 5; i++) client.send(PipecatFrames.audio(new Int16Array(480), 24_000))
    assert.strictEqual(client.heard.length, 0)
    assert.deepStrictEqual(client.faults, [
      "audio at 24000 Hz on a connection for 16000 Hz: connect with ?input_rate=24000"
    ])
  })

  it("accepts audio in JSON, of one message or several pieces", () => {
    const client = open()
    const data = { sampleRate: 16_000, numChannels: 1 }
    const base64 = Buffer.from(Int16Array.of(7, -7).buffer).toString("base64")
    client.say({ type: "raw-audio", id: "1", data: { ...data, base64Audio: base64 } })
    client.say({ type: "raw-audio-batch", id: "2", data: { ...data, base64AudioBatch: [base64, base64] } })
    assert.deepStrictEqual(client.heard.flatMap((pcm) => Array.from(pcm)), [7, -7, 7, -7, 7, -7])
    client.say({ type: "raw-audio", id: "3", data: { base64Audio: 7, sampleRate: 16_000 } })
    assert.deepStrictEqual(client.answers().map(({ id, type }) => [type, id]), [["error-response", "3"]])
  })

  it("does what a client asks for", () => {
    const client = ready()
    client.say({ type: "send-text", id: "1", data: { content: "hello", options: { run_immediately: true } } })
    client.say({ type: "client-message", id: "2", data: { t: "playout.position", d: { turn: 1, played_ms: 20 } } })
    client.say({ type: "dtmf", id: "3", data: { buttons: ["1", "#"] } })
    client.say({ type: "dtmf", id: "4", data: { button: "2" } })
    client.send({ _tag: "Text", text: "typed" })
    client.send({ _tag: "Interruption" })
    client.say({ type: "disconnect-bot", id: "5" })
    assert.deepStrictEqual(client.messages, [
      { type: "user.text", text: "hello" },
      { type: "playout.position", turn: 1, playedMs: 20 },
      { type: "user.dtmf", digit: "1" },
      { type: "user.dtmf", digit: "#" },
      { type: "user.dtmf", digit: "2" },
      { type: "user.text", text: "typed" },
      { type: "agent.interrupt" },
      { type: "session.end" }
    ])
    assert.deepStrictEqual(client.answers(), [
      { type: "server-response", id: "2", data: { t: "playout.position", d: null } }
    ])
    assert.deepStrictEqual(client.faults, [])
  })

  it("ends the session when the agent has finished, if the client disconnects the bot meanwhile", () => {
    const client = ready()
    client.tell({ type: "session.state", state: "processing" })
    client.say({ type: "disconnect-bot", id: "1" })
    client.tell({ type: "session.state", state: "speaking" })
    assert.deepStrictEqual(client.messages, [])
    client.tell({ type: "session.state", state: "listening" })
    client.tell({ type: "session.state", state: "idle" })
    assert.deepStrictEqual(client.messages, [{ type: "session.end" }])
  })

  it("adds to the conversation what is not to be answered, and asks for text alone where it is not to be spoken", () => {
    const asked: Array<SessionControl> = []
    const client = ready({}, (control) => void asked.push(control))
    const send = (content: string, options: object) =>
      client.say({ type: "send-text", id: content, data: { content, options } })
    send("note", { run_immediately: false })
    send("quietly", { audio_response: false })
    send("again", { audio_response: false })
    send("aloud", {})
    client.say({
      type: "append-to-context",
      id: "said",
      data: { role: "assistant", content: "said", run_immediately: true }
    })
    assert.deepStrictEqual(asked, [
      { _tag: "Insert", id: "note", role: "user", text: "note" },
      { _tag: "Output", output: "text" },
      { _tag: "Output", output: "audio" },
      { _tag: "Insert", id: "said", role: "agent", text: "said" }
    ])
    assert.deepStrictEqual(client.messages.map((message) => message.type === "user.text" ? message.text : ""), [
      "quietly",
      "again",
      "aloud"
    ])
    assert.deepStrictEqual(client.answers(), [])
  })

  it("says why the session refused something, and does nothing then", () => {
    const client = ready({}, () => new InvalidConfig({ op: "test", message: "no such thing" }))
    client.say({ type: "send-text", id: "1", data: { content: "x", options: { run_immediately: false } } })
    client.say({ type: "send-text", id: "2", data: { content: "x", options: { audio_response: false } } })
    assert.deepStrictEqual(client.answers(), [
      { type: "error-response", id: "1", data: { error: "no such thing" } },
      { type: "error-response", id: "2", data: { error: "no such thing" } }
    ])
    assert.deepStrictEqual(client.messages, [])
  })

  it("answers the application's own messages by their id, and refuses them without an application", () => {
    const client = ready({
      answer: (type, data, answer) =>
        answer(
          type === "weather"
            ? Result.succeed({ of: data })
            : Result.fail(new InvalidConfig({ op: "test", message: "not known" }))
        )
    })
    client.say({ type: "client-message", id: "1", data: { t: "weather", d: "Ulm" } })
    client.say({ type: "client-message", id: "2", data: { t: "tides" } })
    assert.deepStrictEqual(client.answers(), [
      { type: "server-response", id: "1", data: { t: "weather", d: { of: "Ulm" } } },
      { type: "error-response", id: "2", data: { error: "not known" } }
    ])
    const alone = ready()
    alone.say({ type: "client-message", id: "1", data: { t: "weather", d: "Ulm" } })
    assert.deepStrictEqual(typesOf(alone.answers()), ["error-response"])
  })

  it("answers unsupported and malformed requests by their id", () => {
    const client = ready()
    const bad: ReadonlyArray<Omit<Rtvi.RtviMessage, "id">> = [
      { type: "made-up" },
      { type: "ui-event", data: { event: "click" } },
      { type: "llm-function-call-result", data: { tool_call_id: "1", result: {} } },
      { type: "client-message", data: { t: "user.text", d: { text: 7 } } },
      { type: "client-message" },
      { type: "send-text", data: { content: 7 } },
      { type: "send-text", data: { content: "x".repeat(16_385) } },
      { type: "send-text", data: { content: "x", options: { run_immediately: "yes" } } },
      { type: "append-to-context", data: { role: "system", content: "x" } },
      { type: "dtmf", data: { buttons: ["x"] } },
      { type: "dtmf", data: { buttons: [] } },
      { type: "raw-audio" }
    ]
    bad.forEach((message, index) => client.say({ ...message, id: `${index}` }))
    assert.deepStrictEqual(
      client.answers().map(({ id, type }) => [type, id]),
      bad.map((_, index) => ["error-response", `${index}`])
    )
    assert.deepStrictEqual(client.messages, [])
    assert.deepStrictEqual(client.faults, [])
  })

  it("says what is wrong with a frame", () => {
    const client = open()
    client.bytes(Uint8Array.of(0x12))
    client.send({ _tag: "Message", data: "{}" })
    client.bytes(Buffer.from("{"), false)
    assert.deepStrictEqual(client.faults, [
      "not a protobuf message of Pipecat's",
      "not an RTVI message: expected the label rtvi-ai",
      "not JSON"
    ])
  })

  it("interrupts with the frame that makes Pipecat drop its output", () => {
    const { protocol } = open()
    const frame = protocol.clear()
    assert.deepStrictEqual(frame === undefined ? undefined : read(frame), { _tag: "Interruption" })
  })

  it("speaks JSON in text frames with who begins with one", () => {
    const client = open()
    client.tell(started)
    client.text(clientReady)
    assert.deepStrictEqual(client.raw.map((frame) => typeof frame), ["string"])
    assert.deepStrictEqual(client.answers(), [botReady])
    const frame = client.protocol.audio(Int16Array.of(1, -1))
    assert.deepStrictEqual(messageOf(frame ?? ""), {
      type: "bot-tts-audio",
      data: { audio: Buffer.from(Int16Array.of(1, -1).buffer).toString("base64"), sample_rate: 24_000, num_channels: 1 }
    })
    assert.isUndefined(client.protocol.clear())
    assert.deepStrictEqual(client.tell({ type: "user.speech_started" }), [{ type: "user-started-speaking" }])
  })

  it("tells an answer as a Pipecat bot does: thought, spoken, finished", () => {
    const client = ready()
    const told = [
      ...client.tell({ type: "user.transcript", turn: 1, text: "hi", final: true }),
      ...client.tell({ type: "session.state", state: "processing" }),
      ...client.tell({ type: "tool.started", turn: 1, name: "weather", id: "t1" }),
      ...client.tell({ type: "tool.finished", turn: 1, name: "weather", id: "t1", ok: true }),
      ...client.tell({ type: "session.state", state: "speaking" }),
      ...client.tell({ type: "agent.speech_started", turn: 1 }),
      ...client.tell({ type: "agent.transcript", turn: 1, text: "Good day." }),
      ...client.tell({ type: "agent.transcript", turn: 1, text: "It rains." }),
      ...client.tell({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Good day. It rains." }),
      ...client.tell({ type: "session.state", state: "listening" })
    ]
    assert.deepStrictEqual(typesOf(told), [
      "user-transcription",
      "user-llm-text",
      "bot-llm-started",
      "llm-function-call-started",
      "llm-function-call-in-progress",
      "llm-function-call-stopped",
      "bot-tts-started",
      "bot-started-speaking",
      "bot-llm-text",
      "bot-tts-text",
      "bot-output",
      "bot-transcription",
      "bot-output",
      "bot-llm-text",
      "bot-tts-text",
      "bot-output",
      "bot-transcription",
      "bot-output",
      "bot-llm-stopped",
      "bot-tts-stopped",
      "bot-stopped-speaking"
    ])
    assert.deepStrictEqual(told[0]?.data, {
      text: "hi",
      user_id: "user",
      timestamp: "2026-01-02T00:00:00.000Z",
      final: true
    })
    const textOf = (wanted: string) =>
      told.flatMap(({ data, type }) => type === wanted ? [Rtvi.textField(data, "text")] : [])
    assert.strictEqual(textOf("bot-llm-text").join(""), "Good day. It rains.")
    assert.deepStrictEqual(textOf("bot-transcription"), ["Good day.", "It rains."])
    assert.deepStrictEqual(
      told.flatMap(({ data, type }) =>
        type === "bot-output" ? [[Rtvi.field(data, "segment_id"), Rtvi.field(data, "spoken_status")]] : []
      ),
      [[1, "new"], [1, "completed"], [2, "new"], [2, "completed"]]
    )
  })

  it("tells how much was heard of an answer that was interrupted", () => {
    const client = ready()
    client.tell({ type: "agent.speech_started", turn: 1 })
    client.tell({ type: "agent.transcript", turn: 1, text: "Good day." })
    client.tell({ type: "agent.transcript", turn: 1, text: "It rains in Ulm." })
    const told = client.tell({
      type: "agent.speech_stopped",
      turn: 1,
      reason: "interrupted",
      text: "Good day. It rains"
    })
    assert.deepStrictEqual(typesOf(told), [
      "bot-output",
      "bot-interrupted",
      "bot-llm-stopped",
      "bot-tts-stopped",
      "bot-stopped-speaking"
    ])
    assert.deepStrictEqual(told[0]?.data, {
      text: "It rains in Ulm.",
      aggregated_by: "sentence",
      segment_id: 2,
      will_be_spoken: true,
      spoken_status: "in-progress",
      spoken_progress: { accumulated_text: "It rains", remaining_text: " in Ulm." }
    })
    // the next answer is another one
    const next = client.tell({ type: "agent.transcript", turn: 2, text: "Yes?" })
    assert.deepStrictEqual(typesOf(next).slice(0, 3), ["bot-llm-started", "bot-tts-started", "bot-llm-text"])
  })

  it("ends what it has begun when nothing is said, and tells errors, metrics and what is new of a transcript", () => {
    const client = ready()
    client.tell({ type: "session.state", state: "processing" })
    assert.deepStrictEqual(typesOf(client.tell({ type: "turn.unanswered", turn: 1, reason: "empty" })), [
      "bot-llm-stopped"
    ])
    assert.deepStrictEqual(client.tell({ type: "session.state", state: "listening" }), [])
    assert.deepStrictEqual(client.tell({ type: "error", code: "timeout", message: "too late" }), [
      { type: "error", data: { error: "too late", fatal: false } }
    ])
    assert.deepStrictEqual(client.tell({ type: "session.ended", reason: "failed" }), [
      { type: "error", data: { error: "the session has failed", fatal: true } }
    ])
    assert.deepStrictEqual(
      client.tell({ type: "turn.latency", turn: 1, totalMs: 250, parts: [{ name: "agent", ms: 100 }] }),
      [{
        type: "metrics",
        data: { ttfb: [{ processor: "turn", value: 0.25 }], processing: [{ processor: "agent", value: 0.1 }] }
      }]
    )
    const texts = (text: string, final: boolean) =>
      client.tell({ type: "user.transcript", turn: 2, text, final }).map(({ data }) => Rtvi.textField(data, "text"))
    assert.deepStrictEqual(texts("how are", false), ["how are"])
    assert.deepStrictEqual(texts("how are you", true), ["how are you", "how are you"])
    assert.deepStrictEqual(texts("how are you today", true), ["today", "today"])
  })

  it("sends the session's own events beside to a client that may know them", () => {
    const client = open({ ready: "assumed", events: true })
    assert.isTrue(client.protocol.accepts?.())
    assert.deepStrictEqual(client.tell({ type: "pong" }), [
      { type: "server-message", data: { type: "pong", seq: 1, at_ms: atMs } }
    ])
  })

  it.prop("bears any bytes and any message", [Schema.Uint8Array, Schema.Json], ([data, value]) => {
    const client = ready()
    const types = [
      "client-message",
      "send-text",
      "client-ready",
      "dtmf",
      "raw-audio",
      "raw-audio-batch",
      "append-to-context"
    ]
    const costs = [
      client.bytes(data),
      client.bytes(data, false),
      client.send({ _tag: "Message", data: JSON.stringify(value) ?? "" }),
      client.text({ type: "client-message", data: value }),
      ...types.map((type) => client.say({ type, id: "1", data: value }))
    ]
    assert.isTrue(costs.every((cost) => cost > 0 && Number.isFinite(cost)))
  })
})
