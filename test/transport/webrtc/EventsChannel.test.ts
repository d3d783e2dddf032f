import { assert, describe, it } from "@effect/vitest"
import type { ClientMessage } from "../../../src/session/ClientMessage.ts"
import { BURST_MS, SPEED } from "../../../src/session/FloodLimit.ts"
import type { SessionControl } from "../../../src/session/SessionControl.ts"
import { Inbox } from "../../../src/transport/Inbox.ts"
import * as ChannelProtocol from "../../../src/transport/webrtc/ChannelProtocol.ts"
import { type Channel, EventsChannel, LABEL } from "../../../src/transport/webrtc/EventsChannel.ts"
import { defaultRates } from "../../../src/transport/websocket/WebSocketProtocol.ts"

const make = (
  limit = 65_536,
  protocol: ChannelProtocol.MakeChannelProtocol = ChannelProtocol.native,
  isOpen = true
) => {
  let receive: (message: string | Buffer | ArrayBuffer) => void = () => {}
  let open = () => {}
  const state = { isOpen }
  const channel: Channel = {
    bufferedAmount: () => 0,
    close: () => {},
    getLabel: () => LABEL,
    isOpen: () => state.isOpen,
    maxMessageSize: () => limit,
    onError: () => {},
    onMessage: (take) => void (receive = take),
    onOpen: (take) => void (open = take),
    sendMessage: (text) => sent.push(JSON.parse(String(text))) > 0,
    sendMessageBinary: (bytes) => sent.push({ bytes: bytes.byteLength }) > 0
  }
  const sent: Array<Readonly<Record<string, unknown>>> = []
  const messages: Array<ClientMessage> = []
  const reasons: Array<string> = []
  const controls: Array<SessionControl> = []
  const inbox = new Inbox(48_000)
  inbox.listen({
    audio: () => {},
    gap: () => {},
    message: (message) => messages.push(message),
    control: (control) => void controls.push(control),
    malformed: (reason) => reasons.push(reason),
    closed: () => {}
  })
  const time = { nowMs: 0 }
  const ends: Array<string> = []
  const events = new EventsChannel({
    label: LABEL,
    maxMessageBytes: 65_536,
    protocol: (reply) => protocol(defaultRates, reply),
    inbox,
    onFailed: (reason) => ends.push(reason),
    nowMs: () => time.nowMs
  })
  events.accept(channel)
  return {
    controls,
    ends,
    events,
    messages,
    reasons,
    sent,
    time,
    open: () => {
      state.isOpen = true
      open()
    },
    send: (message: string | Buffer) => receive(message)
  }
}

/** A protocol of another: what it receives asks for an answer, and everything that happens is a message. */
const other: ChannelProtocol.MakeChannelProtocol = (_, reply) => {
  reply("{\"made\":true}")
  return {
    receive: (data, isBinary, listener) => {
      const refused = listener.control?.({ _tag: "Respond", instructions: data.toString() })
      reply(JSON.stringify({ asked: new TextDecoder().decode(data), isBinary, refused: refused?.message }))
      return 1_000
    },
    event: ({ type }) => type === "pong" ? [] : [JSON.stringify({ type }), Uint8Array.of(1, 2, 3)],
    mark: (epoch, untilMs, last) => last ? JSON.stringify({ epoch, untilMs }) : undefined,
    clear: () => "{\"cleared\":true}",
    callTool: ({ name }) => [JSON.stringify({ name })],
    farewell: () => "{\"bye\":true}",
    afterListening: true,
    listening: () => reply("{\"listens\":true}")
  }
}

describe("EventsChannel", () => {
  it("drops messages beyond the flood limit, reports it once a second, and goes on", () => {
    const { messages, reasons, send, time } = make()
    const seconds = 20
    for (; time.nowMs < seconds * 1_000; time.nowMs++) for (let i = 0; i < 10; i++) send("{\"type\":\"ping\"}")
    // 20 ms a message at twice real time, and the burst.
    const allowed = (SPEED * seconds * 1_000 + BURST_MS) / 20
    assert.isAtMost(messages.length, allowed + 2)
    assert.isAtLeast(messages.length, allowed - 2)
    assert.isAtMost(reasons.length, seconds)
    assert.isAtLeast(reasons.length, seconds / 2)
    for (const reason of reasons) assert.match(reason, /flood limit/)
    time.nowMs += BURST_MS * 2
    send("{\"type\":\"agent.interrupt\"}")
    assert.deepStrictEqual(messages.at(-1), { type: "agent.interrupt" })
  })

  it("charges a malformed message as a frame, and a typed turn more", () => {
    const { messages, reasons, send } = make()
    for (let i = 0; i < 10_000; i++) send(Buffer.alloc(8))
    const told = reasons.length
    assert.isAtMost(told, BURST_MS / 20 + 2)
    const other = make()
    for (let i = 0; i < 10_000; i++) other.send("{\"type\":\"user.text\",\"text\":\"hi\"}")
    assert.isAtMost(other.messages.length, BURST_MS / 1_000 + 2)
    assert.deepStrictEqual(messages, [])
  })

  it("leaves out an event that is larger than the client takes, says so, and goes on", () => {
    const { ends, events, sent } = make(16_384)
    const text = (length: number, seq: number) => ({
      type: "user.transcript" as const,
      turn: 1,
      text: "ü".repeat(length),
      final: true,
      seq,
      atMs: 1
    })
    events.send(text(8_000, 1))
    events.send(text(8_192, 2))
    events.send(text(10, 3))
    assert.deepStrictEqual(sent.map(({ seq, type }) => [seq, type]), [
      [1, "user.transcript"],
      [2, "error"],
      [3, "user.transcript"]
    ])
    assert.include(sent[1], { code: "invalid_config" })
    assert.deepStrictEqual(sent[1]?.["details"], { reason: "too_large", limit: 16_384 })
    assert.deepStrictEqual(ends, [])
  })

  it("speaks the protocol that it was given, and receives nothing before the session listens", () => {
    const { controls, events, open, send, sent } = make(65_536, other, false)
    events.send({ type: "call.held", seq: 1, atMs: 1 })
    events.mark?.(7, 20, false)
    events.mark?.(7, 40, true)
    assert.deepStrictEqual(sent, [])
    open()
    const first = [{ made: true }, { type: "call.held" }, { bytes: 3 }, { epoch: 7, untilMs: 40 }]
    assert.deepStrictEqual(sent, first)
    send("one")
    send(Buffer.from("two"))
    assert.deepStrictEqual(controls, [])
    events.listening()
    assert.lengthOf(controls, 2)
    events.clear()
    events.callTool?.({ id: "call-1", name: "weather", arguments: "{}" })
    events.farewell()
    assert.deepStrictEqual(sent.slice(first.length), [
      { listens: true },
      { asked: "one", isBinary: false },
      { asked: "two", isBinary: true },
      { cleared: true },
      { name: "weather" },
      { bye: true }
    ])
  })

  it("keeps no more than 64 messages for the session, or 1 MiB, and charges them when they are received", () => {
    const { controls, events, reasons, send } = make(65_536, other)
    for (let i = 0; i < 1_000; i++) send("x")
    events.listening()
    assert.isAtMost(controls.length, BURST_MS / 1_000 + 2)
    assert.isAtLeast(controls.length, BURST_MS / 1_000 - 1)
    assert.match(reasons[0] ?? "", /flood limit/)
    const large = make(65_536, other)
    for (let i = 0; i < 100; i++) large.send(Buffer.alloc(400_000))
    large.events.listening()
    assert.lengthOf(large.reasons, 2)
  })

  it("leaves out what is too large where the protocol has nothing to say in its place", () => {
    const { ends, events, sent } = make(2, other)
    events.send({ type: "call.held", seq: 1, atMs: 1 })
    assert.deepStrictEqual(sent, [])
    assert.deepStrictEqual(ends, [])
  })
})
