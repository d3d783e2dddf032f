import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, Result } from "effect"
import { AuthorizationFailed, RateLimitExceeded, SessionNotFound } from "../../src/BackendError.ts"
import * as SessionTokens from "../../src/transport/SessionTokens.ts"
import { fewer } from "../support/Full.ts"
import { connect, host, start } from "./LocalServer.ts"

const audio = (port: number, id: string, token: string) =>
  `ws://127.0.0.1:${port}/v1/sessions/${id}/audio?token=${token}`

const statusOf = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(Effect.result(effect), (result) => {
    if (Result.isSuccess(result)) return 101
    const refusal = result.failure
    return typeof refusal === "object" && refusal !== null && "status" in refusal ? refusal.status : refusal
  })

describe("access to the local provider", () => {
  it.live("recovers a session of another process once, however many clients connect to it", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const asked: Array<string> = []
      const server = yield* start({
        host: (open) => ({
          recover: (id) =>
            Effect.gen(function*() {
              asked.push(id)
              yield* Deferred.await(gate)
              yield* Effect.orDie(open(id, { resumed: id === "resumed" }))
            })
        })
      })
      const tokens = yield* SessionTokens.make(host.signingKey)
      const [good, ended, other] = yield* Effect.all([
        tokens.issue("kept", "user", 9e12),
        tokens.issue("resumed", "user", 1_000),
        tokens.issue("kept", "somebody", 9e12)
      ])
      const all = yield* Effect.forkChild(Effect.all([
        ...[1, 2, 3].map(() => statusOf(connect(audio(server.port, "kept", good)))),
        statusOf(connect(audio(server.port, "kept", other))),
        statusOf(connect(audio(server.port, "kept", "wrong"))),
        statusOf(connect(audio(server.port, "resumed", ended)))
      ], { concurrency: "unbounded" }))
      while (asked.length < 2) yield* Effect.sleep("5 millis")
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(all), [
        101,
        101,
        101,
        401,
        401,
        101
      ])
      assert.deepStrictEqual(asked.toSorted(), ["kept", "resumed"])
    }).pipe(Effect.scoped))

  it.live("does no work for thousands of invalid tokens", () =>
    Effect.gen(function*() {
      let touched = 0
      const touch = Effect.suspend(() => {
        touched++
        return Effect.fail(new SessionNotFound({ op: "test", message: "no" }))
      })
      const server = yield* start({ host: () => ({ recover: () => touch, admit: () => touch }) })
      yield* server.open("s1")
      const foreign = yield* SessionTokens.make(Redacted.make("another key of at least thirty-two chars"))
      const token = yield* foreign.issue("s1", "user", 9e12)
      const statuses = yield* Effect.forEach(
        Array.from({ length: fewer(10_000) }, (_, i) => i),
        (i) =>
          Effect.promise(async () => {
            const response = await fetch(`${server.url}/v1/sessions/${i % 2 === 0 ? "s1" : "s2"}/audio`, {
              headers: { authorization: `Bearer ${token}` }
            })
            await response.arrayBuffer()
            return response.status
          }),
        { concurrency: 32 }
      )
      assert.deepStrictEqual([...new Set(statuses)], [401])
      assert.strictEqual(touched, 0)
    }).pipe(Effect.scoped))

  it.live("sends Retry-After, and does not count a refused attempt as a connection", () =>
    Effect.gen(function*() {
      const seen: Array<string | undefined> = []
      let answer: RateLimitExceeded | AuthorizationFailed = new RateLimitExceeded({
        op: "test",
        message: "slow down",
        details: { retryAfterMs: 12_300 }
      })
      const server = yield* start({
        host: () => ({
          admit: (_, from) => {
            seen.push(from.address)
            return Effect.fail(answer)
          }
        })
      })
      const { access } = yield* server.open("s1", { transport: "webrtc" })
      const upgrade = connect(audio(server.port, "s1", access.token ?? ""))
      assert.strictEqual(yield* statusOf(upgrade), 429)
      const offer = yield* Effect.promise(() =>
        fetch(`${server.url}/v1/sessions/s1/offer`, {
          method: "POST",
          headers: { authorization: `Bearer ${access.token}`, "content-type": "application/sdp" },
          body: "v=0"
        })
      )
      assert.deepStrictEqual([offer.status, offer.headers.get("retry-after")], [429, "13"])
      answer = new AuthorizationFailed({ op: "test", message: "no" })
      for (let i = 0; i < 10; i++) assert.strictEqual(yield* statusOf(upgrade), 403)
      assert.deepStrictEqual([...new Set(seen)], ["127.0.0.1"])
    }).pipe(Effect.scoped))
})
