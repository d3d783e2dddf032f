import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ClientMessage from "../../src/session/ClientMessage.ts"
import * as SessionEvent from "../../src/session/SessionEvent.ts"

describe("ClientMessage", () => {
  it.prop("decodes what a client encodes", [ClientMessage.ClientMessage], ([message]) => {
    const text = JSON.stringify(Schema.encodeSync(ClientMessage.ClientMessage)(message))
    const parsed = ClientMessage.parse(text)
    assert.deepStrictEqual(parsed, { _tag: "Message", message: JSON.parse(JSON.stringify(message)) })
  })

  it("ignores unknown types, and explains malformed messages without quoting them", () => {
    assert.deepStrictEqual(ClientMessage.parse("{\"type\":\"later\",\"x\":1}"), { _tag: "Unknown", type: "later" })
    assert.strictEqual(
      ClientMessage.parse(JSON.stringify({ type: "z".repeat(1_000) }))._tag,
      "Unknown"
    )
    for (
      const text of [
        "",
        "{",
        "null",
        "1",
        "\"ping\"",
        "[]",
        "[{\"type\":\"ping\"}]",
        "{}",
        "{\"type\":1}",
        "{\"type\":null}",
        "{\"type\":\"user.text\"}",
        "{\"type\":\"user.text\",\"text\":5}",
        `{"type":"user.text","text":"${"s3cret".repeat(3_000)}"}`,
        "{\"type\":\"playout.position\",\"turn\":-1,\"played_ms\":5}",
        "{\"type\":\"playout.position\",\"turn\":1.5,\"played_ms\":5}",
        "{\"type\":\"playout.position\",\"turn\":1,\"played_ms\":-5}",
        "{\"type\":\"playout.position\",\"turn\":1,\"played_ms\":\"s3cret\"}",
        "{\"type\":\"playout.position\",\"turn\":1}",
        "[".repeat(50_000),
        "\u0000",
        "{\"__proto__\":{\"type\":\"ping\"}}"
      ]
    ) {
      const parsed = ClientMessage.parse(text)
      assert.strictEqual(parsed._tag, "Malformed", text.slice(0, 60))
      assert.isFalse(JSON.stringify(parsed).includes("s3cret"))
    }
  })
})

describe("SessionEvent", () => {
  it.prop("survives its JSON", [SessionEvent.SessionEvent], ([event]) => {
    const json = SessionEvent.toJson(event)
    assert.notInclude(json, "\n")
    const back = SessionEvent.fromJson(json)
    assert.isTrue(back._tag === "Success")
    if (back._tag === "Success") assert.strictEqual(SessionEvent.toJson(back.success), json)
  })

  it("is snake case, and bad JSON is a failure", () => {
    assert.deepStrictEqual(
      JSON.parse(SessionEvent.toJson({ type: "turn.latency", seq: 1, atMs: 2, turn: 3, totalMs: 4, parts: [] })),
      { type: "turn.latency", seq: 1, at_ms: 2, turn: 3, total_ms: 4, parts: [] }
    )
    for (const text of ["", "{}", "{\"type\":\"pong\"}", "{\"type\":\"nothing\",\"seq\":1,\"at_ms\":1}"]) {
      assert.strictEqual(SessionEvent.fromJson(text)._tag, "Failure")
    }
  })
})
