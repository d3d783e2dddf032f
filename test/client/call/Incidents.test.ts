import { assert, describe, it } from "@effect/vitest"
import { incidentOf } from "../../../src/client/call/Incidents.ts"
import type { ServerEvents, ServerMessage } from "../../../src/client/index.ts"

const envelope = { seq: 1, at_ms: 2 }
const incident = (fields: Partial<ServerEvents["engine.incident"]>): ServerEvents["engine.incident"] => ({
  type: "engine.incident",
  ...envelope,
  engine: "deepgram",
  kind: "stt",
  what: "failed",
  ...fields
})

const noteOf = (message: ServerMessage) => {
  const incident = incidentOf(message)
  return incident?.ofTurn === true ? incident.text : undefined
}
const noticeOf = (message: ServerMessage) => {
  const incident = incidentOf(message)
  return incident === undefined || incident.kind === "note" ? undefined : { kind: incident.kind, text: incident.text }
}

describe("Incidents", () => {
  it("notes what happens to engines under the current turn", () => {
    assert.strictEqual(noteOf(incident({ code: "connection_failed" })), "deepgram (STT) failed (connection_failed)")
    assert.strictEqual(
      noteOf(incident({ what: "switched", to: "moonshine" })),
      "deepgram (STT) is replaced by moonshine"
    )
    assert.strictEqual(noteOf(incident({ kind: "agent", engine: "sales", what: "recovered" })), "sales works again")
    assert.isUndefined(noteOf(incident({ what: "retrying" })))
    assert.isUndefined(noteOf(incident({ what: "a new one" })))
  })

  it("notes failed tools, processors and slow turns, and nothing for other events", () => {
    const tool = { ...envelope, turn: 1, name: "look_up", id: "a" }
    assert.strictEqual(noteOf({ type: "tool.started", ...tool }), "Uses look up")
    assert.strictEqual(noteOf({ type: "tool.finished", ...tool, ok: false }), "look up failed")
    assert.isUndefined(noteOf({ type: "tool.finished", ...tool, ok: true }))
    assert.strictEqual(
      noteOf({ type: "processor.incident", ...envelope, name: "gain", what: "bypassed", code: "timeout" }),
      "The audio processor gain bypassed (timeout)"
    )
    assert.strictEqual(
      noteOf({ type: "turn.latency_exceeded", ...envelope, turn: 1, total_ms: 812.4, target_ms: 500 }),
      "Slower than the target of 500 ms"
    )
    assert.isUndefined(noteOf({ type: "session.saved", ...envelope, through: 1 }))
    assert.isUndefined(noteOf({ type: "unknown", name: "later", raw: {} }))
  })

  it("warns of a slow line, dropped audio and an engine that is down, and says when it is back", () => {
    assert.deepStrictEqual(noticeOf({ type: "connection.slow", ...envelope, connection: "websocket-1" }), {
      kind: "warn",
      text: "Your connection is slow: the agent's voice is delayed."
    })
    assert.deepStrictEqual(noticeOf({ type: "audio.dropped", ...envelope, reason: "rate limit", ms: 1_240 }), {
      kind: "warn",
      text: "1.2 s of your audio were dropped (rate limit)."
    })
    assert.strictEqual(noticeOf(incident({ what: "unavailable", code: "timeout" }))?.kind, "warn")
    assert.deepStrictEqual(noticeOf(incident({ what: "available" })), {
      kind: "good",
      text: "deepgram (STT) works again"
    })
    assert.isUndefined(noticeOf(incident({})))
    assert.deepStrictEqual(noticeOf({ type: "error", ...envelope, code: "timeout", message: "too late" }), {
      kind: "warn",
      text: "too late"
    })
  })
})
