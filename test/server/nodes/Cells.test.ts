import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as TalkConnection from "../../../src/cli/TalkConnection.ts"
import * as Cells from "../../../src/server/nodes/Cells.ts"
import { SUBPROTOCOL } from "../../../src/transport/websocket/WebSocketConnection.ts"
import { connect } from "../../providers/LocalServer.ts"
import { call } from "../support.ts"
import { node } from "./TwoNodes.ts"

const own = "ses_a_0123456789abcdef"
const others = "ses_b_0123456789abcdef"
const unknown = "ses_c_0123456789abcdef"

const cells = (cell: string, known: Record<string, string> = {}) => ({
  backendConfig: { cluster: { cell, cells: known }, store: { kind: "sqlite" } }
})

describe("Cells.find", () => {
  it("goes by the id alone", () => {
    const names = { cell: "a", cells: { b: "https://b.example" } }
    assert.deepStrictEqual(Cells.find(names, own), { _tag: "Own" })
    assert.deepStrictEqual(Cells.find(names, "ses_0123456789abcdef"), { _tag: "Own" })
    assert.deepStrictEqual(Cells.find(names, "anything"), { _tag: "Own" })
    assert.deepStrictEqual(Cells.find(names, others), { _tag: "Other", url: "https://b.example" })
    for (const cell of ["c", "constructor", "toString"]) {
      assert.deepStrictEqual(Cells.find(names, `ses_${cell.toLowerCase()}_0123456789abcdef`), { _tag: "Unknown" })
    }
  })
})

describe("two cells", () => {
  it.live("send the requests for each other's sessions on, without a lookup and without the token", () =>
    Effect.gen(function*() {
      const b = yield* node(cells("b"))
      const a = yield* node(cells("a", { b: b.url }))
      const session = yield* b.open(others)
      for (
        const [method, path] of [
          ["GET", ""],
          ["DELETE", ""],
          ["GET", "/history"],
          ["PATCH", "/metadata"],
          ["POST", "/offer"],
          ["GET", "/data"]
        ] as const
      ) {
        const answer = yield* call(`${a.url}/v1/sessions/${others}${path}?token=secret&x=1`, { method })
        assert.deepStrictEqual(
          [answer.status, answer.headers.get("location")],
          [307, `${b.url}/v1/sessions/${others}${path}?x=1`],
          `${method} ${path}`
        )
      }
      // As a browser's client asks, which cannot follow a redirect with its token.
      const accept = "application/sdp, application/problem+json"
      for (
        const [method, path, status] of [["POST", "/offer", 409], ["GET", "/audio", 409], ["GET", "", 307]] as const
      ) {
        const answer = yield* call(`${a.url}/v1/sessions/${others}${path}?token=secret`, {
          method,
          headers: { accept }
        })
        assert.strictEqual(answer.status, status)
        if (status === 307) continue
        assert.deepStrictEqual([answer.json["code"], answer.json["details"]], [
          "wrong_cell",
          { url: `${b.url}/v1/sessions/${others}${path}` }
        ])
      }
      const missing = yield* call(`${a.url}/v1/sessions/${unknown}`)
      assert.deepStrictEqual([missing.status, missing.json["code"]], [404, "session_not_found"])

      const audio = `ws://127.0.0.1:${a.port}/v1/sessions/${others}/audio`
      const refused = yield* Effect.flip(
        connect(`${audio}?token=${session.token}`, { protocols: [SUBPROTOCOL, `token.${session.token}`] })
      )
      assert.strictEqual(refused.status, 421)
      const text = JSON.stringify(refused.body)
      assert.include(text, `connect to ${b.url.replace("http", "ws")}/v1/sessions/${others}/audio`)
      assert.notInclude(text, session.token)

      yield* TalkConnection.remote(`${audio}?token=${session.token}`, undefined, {
        event: () => {},
        audio: () => {},
        closed: () => {}
      })
      yield* session.attached
      assert.deepStrictEqual([a.lookups, a.recoveries, b.lookups], [[], [], []])
    }).pipe(Effect.scoped))

  it.live("have a guard before: a stranger is not told where the others are", () =>
    Effect.gen(function*() {
      const a = yield* node({ ...cells("a", { b: "https://b.example" }), apiKeys: [Redacted.make("0123456789abcdef")] })
      const answer = yield* call(`${a.url}/v1/sessions/${others}`)
      assert.deepStrictEqual([answer.status, answer.headers.get("location")], [401, null])
    }).pipe(Effect.scoped))
})
