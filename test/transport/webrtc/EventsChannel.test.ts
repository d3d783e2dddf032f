import { assert, describe, it } from "@effect/vitest"
import type { ClientMessage } from "../../../src/session/ClientMessage.ts"
import { BURST_MS, SPEED } from "../../../src/session/FloodLimit.ts"
import { Inbox } from "../../../src/transport/Inbox.ts"
import { type Channel, EventsChannel, LABEL } from "../../../src/transport/webrtc/EventsChannel.ts"

const make = (limit = 65_536) => {
  let receive: (message: string | Buffer | ArrayBuffer) => void = () => {}
  const channel: Channel = {
    bufferedAmount: () => 0,
    close: () => {},
    getLabel: () => LABEL,
    isOpen: () => true,
    maxMessageSize: () => limit,
    onError: () => {},
    onMessage: (take) => void (receive = take),
    onOpen: () => {},
    sendMessage: (text) => sent.push(JSON.parse(String(text))) > 0
  }
  const sent: Array<Readonly<Record<string, unknown>>> = []
  const messages: Array<ClientMessage> = []
  const reasons: Array<string> = []
  const inbox = new Inbox(48_000)
  inbox.listen({
    audio: () => {},
    gap: () => {},
    message: (message) => messages.push(message),
    malformed: (reason) => reasons.push(reason),
    closed: () => {}
  })
  const time = { nowMs: 0 }
  const ends: Array<string> = []
  const events = new EventsChannel(inbox, (reason) => ends.push(reason), () => time.nowMs)
  events.accept(channel)
  return { ends, events, messages, reasons, sent, time, send: (message: string | Buffer) => receive(message) }
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
})
