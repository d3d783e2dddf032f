import { assert, describe, it } from "@effect/vitest"
import { fitsMessage, MAX_MESSAGE_BYTES, parseServerMessage } from "../../src/client/ClientProtocol.ts"

const parse = (value: unknown) => parseServerMessage(JSON.stringify(value))

describe("ClientProtocol", () => {
  it("reads the formats of session.started", () => {
    assert.deepStrictEqual(
      parse({
        type: "session.started",
        seq: 1,
        at_ms: 3,
        input: { sample_rate: 8000 },
        output: { sample_rate: 48000 },
        resumed: true
      }),
      {
        type: "session.started",
        seq: 1,
        at_ms: 3,
        input: { sample_rate: 8000 },
        output: { sample_rate: 48000 },
        resumed: true
      }
    )
  })

  it("falls back to 16 and 24 kHz for rates that are absent or impossible", () => {
    for (const bad of [undefined, {}, { sample_rate: 1 }, { sample_rate: "16000" }, { sample_rate: 1e9 }, null]) {
      const message = parse({ type: "session.started", input: bad, output: bad })
      assert.deepStrictEqual(message, {
        type: "session.started",
        seq: 0,
        at_ms: 0,
        input: { sample_rate: 16000 },
        output: { sample_rate: 24000 },
        resumed: false
      })
    }
  })

  it("keeps the words and the finality of a transcript", () => {
    const message = parse({ type: "user.transcript", seq: 7, at_ms: 1, turn: 2, text: "hello", final: true, extra: 1 })
    assert.deepStrictEqual(message, { type: "user.transcript", seq: 7, at_ms: 1, turn: 2, text: "hello", final: true })
  })

  it("sums the parts of a turn's latency when the total is absent, and skips broken parts", () => {
    const message = parse({
      type: "turn.latency",
      turn: 1,
      parts: [{ name: "stt", ms: 40 }, { name: "tts", ms: 60.5 }, { name: 3, ms: 1 }, null, { name: "x", ms: "1" }]
    })
    assert.strictEqual(message?.type, "turn.latency")
    if (message?.type !== "turn.latency") return
    assert.strictEqual(message.total_ms, 100.5)
    assert.deepStrictEqual(message.parts, [{ name: "stt", ms: 40 }, { name: "tts", ms: 60.5 }])
  })

  it("reads who answers from here on, what takes no turn, and that nobody speaks", () => {
    const base = { seq: 4, at_ms: 9 }
    for (
      const message of [
        { type: "agent.handed_over", ...base, turn: 3, from: "reception", to: "billing" },
        { type: "agent.handed_over", ...base, turn: 3, from: undefined, to: "billing" },
        { type: "user.backchannel", ...base, text: "mhm" },
        { type: "user.away", ...base }
      ]
    ) assert.deepStrictEqual<unknown>(parse(message), message)
    assert.isUndefined(parse({ type: "agent.handed_over", ...base, turn: 3 }))
    assert.isUndefined(parse({ type: "agent.handed_over", ...base, to: "billing" }))
    assert.isUndefined(parse({ type: "user.backchannel", ...base, text: 3 }))
  })

  it("hands tool messages over whole", () => {
    const message = parse({ type: "tool.started", seq: 1, at_ms: 2, name: "weather" })
    assert.strictEqual(message?.type, "tool.started")
    if (message === undefined || !("body" in message)) return assert.fail("no body")
    assert.strictEqual(message.body["name"], "weather")
  })

  it("ignores unknown types, malformed messages and oversize ones", () => {
    const bad = [
      "",
      "null",
      "[]",
      "3",
      "{",
      "{\"type\":4}",
      "{\"type\":\"constructor\"}",
      "{\"type\":\"toString\"}",
      "{\"type\":\"agent.transcript\",\"turn\":\"1\",\"text\":\"a\"}",
      "{\"type\":\"user.transcript\",\"text\":null}",
      "{\"type\":\"session.state\",\"state\":\"dancing\"}",
      "{\"type\":\"error\"}",
      JSON.stringify({ type: "user.transcript", text: "a".repeat(MAX_MESSAGE_BYTES), final: true })
    ]
    for (const text of bad) assert.isUndefined(parseServerMessage(text), text.slice(0, 60))
  })

  it("measures outgoing text in bytes, not characters", () => {
    assert.isTrue(fitsMessage({ type: "user.text", text: "a".repeat(60_000) }))
    assert.isFalse(fitsMessage({ type: "user.text", text: "ä".repeat(60_000) }))
  })
})
