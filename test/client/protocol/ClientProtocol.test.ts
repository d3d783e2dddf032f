import { assert, describe, it } from "@effect/vitest"
import { fitsMessage, limitFault, parseServerMessage } from "../../../src/client/protocol/ClientProtocol.ts"
import { MAX_TEXT_BYTES, MAX_TEXT_LENGTH } from "../../../src/client/protocol/WireProtocol.ts"
import * as ClientMessage from "../../../src/session/ClientMessage.ts"

const parse = (value: unknown) => parseServerMessage(JSON.stringify(value))

const envelope = { seq: 4, at_ms: 9 }

describe("ClientProtocol", () => {
  it("passes on the events that were once dropped", () => {
    for (
      const event of [
        { type: "session.saved", ...envelope, through: 3 },
        { type: "connection.attached", ...envelope, connection: "websocket-1", transport: "websocket" },
        { type: "connection.slow", ...envelope, connection: "websocket-1" },
        { type: "engine.incident", ...envelope, engine: "deepgram", kind: "stt", what: "failed", code: "timeout" },
        { type: "processor.incident", ...envelope, name: "gain", what: "bypassed" },
        { type: "audio.dropped", ...envelope, reason: "rate limit", ms: 40 },
        { type: "turn.latency_exceeded", ...envelope, turn: 2, total_ms: 812.5, target_ms: 500 },
        { type: "tool.finished", ...envelope, turn: 2, name: "weather", id: "a", ok: true }
      ]
    ) assert.deepStrictEqual<unknown>(parse(event), event)
  })

  it("keeps fields that it does not know, and values that a newer server may send", () => {
    const event = { type: "session.ended", ...envelope, reason: "moved", url: "https://b.example" }
    assert.deepStrictEqual<unknown>(parse(event), event)
  })

  it("hands over an event that it does not know", () => {
    const raw = { type: "user.yawned", ...envelope, digit: "5" }
    assert.deepStrictEqual<unknown>(parse(raw), { type: "unknown", name: "user.yawned", raw })
    for (const type of ["constructor", "toString", "__proto__", "unknown"]) {
      assert.deepStrictEqual<unknown>(parse({ type }), { type: "unknown", name: type, raw: { type } })
    }
  })

  it("hands over an event whose fields are not those it knows as unknown", () => {
    for (
      const raw of [
        { type: "agent.transcript", ...envelope, turn: "1", text: "a" },
        { type: "agent.transcript", ...envelope, turn: 1.5, text: "a" },
        { type: "user.transcript", ...envelope, turn: 1, text: null, final: true },
        { type: "session.started", ...envelope, input: 5, output: { sample_rate: 24_000 }, resumed: false },
        { type: "turn.latency", ...envelope, turn: 1, total_ms: 5, parts: [{ name: "tts" }] },
        { type: "error", ...envelope, code: "timeout", message: "late", details: [] },
        { type: "pong" }
      ]
    ) assert.deepStrictEqual<unknown>(parse(raw), { type: "unknown", name: raw.type, raw })
  })

  it("returns nothing for what is not a message, or too long for one", () => {
    for (const text of ["", "null", "[]", "3", "{", "{}", "{\"type\":4}"]) assert.isUndefined(parseServerMessage(text))
    const long = { type: "user.transcript", ...envelope, turn: 1, text: "a".repeat(1_048_576), final: true }
    assert.isUndefined(parse(long))
    assert.strictEqual(parse({ ...long, text: "a".repeat(1_000_000) })?.type, "user.transcript")
  })

  it("refuses to send a text that the server would not take", () => {
    assert.isTrue(fitsMessage({ type: "user.text", text: "ä".repeat(MAX_TEXT_LENGTH) }))
    assert.isFalse(fitsMessage({ type: "user.text", text: "a".repeat(MAX_TEXT_LENGTH + 1) }))
    // Each is six bytes once encoded.
    assert.isFalse(fitsMessage({ type: "user.text", text: "\u0001".repeat(MAX_TEXT_LENGTH) }))
  })

  it("names the limit that a text passes, the server's own", () => {
    const faultOf = (text: string) => limitFault({ type: "user.text", text })
    assert.deepStrictEqual(faultOf("a".repeat(17_000)), {
      message: "The text is too long: at most 16384 characters, and it has 17000.",
      details: { limit: 16_384, unit: "characters" }
    })
    assert.deepStrictEqual(faultOf("\u0001".repeat(10_000)), {
      message: `The text is too long: at most ${MAX_TEXT_BYTES} bytes of JSON, and it has 60000.`,
      details: { limit: MAX_TEXT_BYTES, unit: "bytes of JSON" }
    })
    for (
      const text of [
        "a".repeat(16_384),
        "\u0001".repeat(8_191),
        "\u0001".repeat(8_192),
        "ä🙂\"".repeat(3_000),
        "\ud800"
      ]
    ) {
      const isTaken = ClientMessage.decode({ type: "user.text", text })._tag === "Message"
      assert.strictEqual(faultOf(text) === undefined, isTaken, `${text.slice(0, 3)} × ${text.length}`)
    }
  })
})
