/** Requests with an idempotency key, in any order and at once. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema, Scope } from "effect"
import * as KeyedCalls from "../../../src/backend/calls/KeyedCalls.ts"
import * as SessionId from "../../../src/backend/sessions/SessionId.ts"
import { ConnectionFailed, InvalidConfig } from "../../../src/BackendError.ts"
import type { VoiceSession } from "../../../src/session/VoiceSession.ts"

const sessionOf = (id: string, digest: string): VoiceSession =>
  ({
    id,
    config: {
      userId: "u",
      transport: "websocket",
      call: {
        carrier: "c",
        direction: "outbound",
        parameters: {},
        dial: { ringTimeoutMs: 1, request: digest }
      }
    }
  }) as VoiceSession

/** Sessions that all processes see, and how often each was made. */
const world = () => {
  const sessions = new Map<string, VoiceSession>()
  const made: Array<string> = []
  const request = (key: string, digest: string, secrets: ReadonlyArray<string> = ["s"]): KeyedCalls.KeyedCall => ({
    key,
    scope: "",
    cell: undefined,
    secrets,
    digest,
    find: (id) => Effect.sync(() => sessions.get(id)),
    make: (id) =>
      Effect.yieldNow.pipe(
        Effect.andThen(Effect.suspend(() => {
          // as a store does it
          if (sessions.has(id)) return Effect.succeed(sessions.get(id)!)
          made.push(key)
          const session = sessionOf(id, digest)
          sessions.set(id, session)
          return Effect.succeed(session)
        }))
      )
  })
  return { sessions, made, request }
}

const Requests = Schema.Array(
  Schema.Tuple([
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
    Schema.Literals(["k1", "k2", "k3"]),
    Schema.Literals(["a", "b"])
  ])
).check(Schema.isMaxLength(30))

const codeOf = (error: { readonly details?: { readonly [key: string]: unknown } }) => String(error.details?.["reason"])

describe("calls with a key", () => {
  it.effect.prop(
    "are made once, by whatever processes and however many at once",
    [Requests],
    ([requests]) =>
      Effect.gen(function*() {
        const { made, request } = world()
        const scope = yield* Effect.scope
        const processes = [KeyedCalls.make(scope), KeyedCalls.make(scope), KeyedCalls.make(scope)]
        const outcomes = yield* Effect.forEach(
          requests,
          ([process, key, digest]) =>
            Effect.match(processes[process]!(request(key, digest)), {
              onFailure: codeOf,
              onSuccess: ({ id }) => id
            }),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(made).size, made.length)
        assert.deepStrictEqual(new Set(made), new Set(requests.map(([, key]) => key)))
        for (const key of new Set(requests.map(([, key]) => key))) {
          const own = requests.flatMap(([, each, digest], i) => each === key ? [{ digest, outcome: outcomes[i] }] : [])
          const id = KeyedCalls.idOf(undefined, "s", "", key)
          const winners = new Set(own.flatMap(({ digest, outcome }) => outcome === id ? [digest] : []))
          // all of one kind of request got the session, all others were refused
          assert.strictEqual(winners.size, 1)
          for (const { digest, outcome } of own) {
            assert.strictEqual(outcome, winners.has(digest) ? id : KeyedCalls.KEY_REUSED)
          }
        }
      }).pipe(Effect.scoped)
  )

  it.effect("are found by a former secret, and named by the current one", () =>
    Effect.gen(function*() {
      const { made, request } = world()
      const scope = yield* Effect.scope
      const before = yield* KeyedCalls.make(scope)(request("k", "a", ["old"]))
      const after = yield* KeyedCalls.make(scope)(request("k", "a", ["new", "old"]))
      assert.strictEqual(after.id, before.id)
      assert.strictEqual(
        (yield* KeyedCalls.make(scope)(request("other", "a", ["new", "old"]))).id,
        KeyedCalls.idOf(undefined, "new", "", "other")
      )
      assert.deepStrictEqual(made, ["k", "other"])
    }).pipe(Effect.scoped))

  it.effect("are forgotten beyond a bound, the oldest first, but not while they are made", () =>
    Effect.gen(function*() {
      const { made, request, sessions } = world()
      const scope = yield* Effect.scope
      const call = KeyedCalls.make(scope, 3)
      const gate = yield* Deferred.make<void>()
      const slow = request("slow", "a")
      const making = yield* Effect.forkChild(
        call({ ...slow, make: (id) => Effect.andThen(Deferred.await(gate), slow.make(id)) })
      )
      for (const key of ["1", "2", "3", "4"]) yield* call(request(key, "a"))
      sessions.clear()
      assert.strictEqual(codeOf(yield* Effect.flip(call(request("4", "a")))), "call_over")
      yield* call(request("1", "a"))
      assert.deepStrictEqual(made, ["1", "2", "3", "4", "1"])
      const again = yield* Effect.forkChild(call(slow))
      yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.yieldNow
      assert.strictEqual((yield* Fiber.await(making))._tag, "Success")
      assert.strictEqual((yield* Fiber.await(again))._tag, "Success")
      assert.strictEqual(made.filter((key) => key === "slow").length, 1)
    }).pipe(Effect.scoped))

  it.effect("fail alike for all who wait, and are free again unless it is not known whether they were made", () =>
    Effect.gen(function*() {
      const { request } = world()
      const scope = yield* Effect.scope
      const call = KeyedCalls.make(scope)
      const failing = (error: ConnectionFailed | InvalidConfig) => {
        let times = 0
        return {
          times: () => times,
          of: (key: string): KeyedCalls.KeyedCall => ({
            ...request(key, "a"),
            make: () =>
              Effect.andThen(
                Effect.yieldNow,
                Effect.suspend(() => {
                  times++
                  return Effect.fail(error)
                })
              )
          })
        }
      }
      const refused = failing(new InvalidConfig({ op: "test", message: "no" }))
      const both = yield* Effect.all([Effect.flip(call(refused.of("r"))), Effect.flip(call(refused.of("r")))], {
        concurrency: 2
      })
      assert.deepStrictEqual(both.map(({ code }) => code), ["invalid_config", "invalid_config"])
      assert.strictEqual(refused.times(), 1)
      yield* call(request("r", "a"))
      const unknown = failing(new ConnectionFailed({ op: "test", message: "?", details: { reason: "call_unknown" } }))
      yield* Effect.flip(call(unknown.of("u")))
      yield* Effect.flip(call(request("u", "a")))
      assert.strictEqual(codeOf(yield* Effect.flip(call(request("u", "b")))), KeyedCalls.KEY_REUSED)
      assert.strictEqual(unknown.times(), 1)
    }).pipe(Effect.scoped))

  it.effect("do not hang where the backend is gone", () =>
    Effect.gen(function*() {
      const { request } = world()
      const scope = yield* Scope.make()
      const call = KeyedCalls.make(scope)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      assert.strictEqual((yield* Effect.exit(call(request("k", "a"))))._tag, "Failure")
    }))

  it.prop(
    "have ids of sessions, which differ with every part",
    [Schema.String, Schema.String, Schema.String],
    ([secret, scope, key]) => {
      const id = KeyedCalls.idOf("eu-1", secret, scope, key)
      assert.match(id, /^ses_eu-1_[a-z0-9]{16}$/u)
      assert.strictEqual(SessionId.cellOf(id), "eu-1")
      assert.strictEqual(KeyedCalls.idOf("eu-1", secret, scope, key), id)
      assert.notStrictEqual(KeyedCalls.idOf("eu-1", `${secret}x`, scope, key), id)
      assert.notStrictEqual(KeyedCalls.idOf("eu-1", secret, `${scope}x`, key), id)
      assert.notStrictEqual(KeyedCalls.idOf("eu-1", secret, scope, `${key}x`), id)
    }
  )
})
