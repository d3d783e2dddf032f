/** Calls in a cluster: made by whichever node has least to do, once for a key, and controlled from any. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { BackendError } from "../../src/BackendError.ts"
import type { DialRequest } from "../../src/session/call/DialRequest.ts"
import * as ScriptedCalls from "../../src/testing/scripted/ScriptedCalls.ts"
import { pass } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import * as InProcess from "./InProcess.ts"

const request: DialRequest = { to: "+442071838750", userId: "ann" }
const keyed = { ...request, idempotencyKey: "order-7" }

const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, {
    onFailure: ({ code, details }) => details?.["reason"] === undefined ? code : `${code}: ${details["reason"]}`,
    onSuccess: () => "success"
  })

/** Two nodes with a carrier each. */
const two = Effect.fnUntraced(function*(options?: ScriptedCalls.ScriptedCallsOptions) {
  const cluster = yield* InProcess.make()
  const ofA = ScriptedCalls.make(options)
  const ofB = ScriptedCalls.make(options)
  const a = yield* cluster.add("a", { setup: { provider: ofA.provider } })
  const b = yield* cluster.add("b", { setup: { provider: ofB.provider } })
  yield* cluster.settle
  return { a, b, ofA, ofB, cluster, made: () => [...ofA.made, ...ofB.made] }
})

/** Time passes while it runs: nodes answer each other by timers. */
const during = <A, E>(effect: Effect.Effect<A, E>, time: Parameters<typeof pass>[0] = "3 seconds") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* pass(time)
    return yield* Fiber.join(fiber)
  })

describe("calls of a cluster", () => {
  it.effect("are made where least is to be done, and have their session everywhere", () =>
    Effect.gen(function*() {
      const { a, b, cluster, made, ofA, ofB } = yield* two({
        outbound: {
          carriers: [{ name: "pbx", callsPerSecond: 100, maxConcurrentCalls: 100, inputSampleRate: 8_000 }]
        }
      })
      for (let i = 0; i < 5; i++) yield* a.local.createSession({ userId: "u", transport: "websocket" })
      yield* cluster.settle
      const one = yield* during(a.backend.dial({ ...request, parameters: { list: "x" } }))
      const other = yield* during(b.backend.dial(request))
      assert.deepStrictEqual([ofA.made.length, ofB.made.length], [0, 2])
      assert.deepStrictEqual(new Set(made().map(({ session }) => session.id)), new Set([one.id, other.id]))
      const call = made().find(({ session }) => session.id === one.id)
      assert.deepInclude(call?.session.config.call, { carrier: "pbx", to: "+442071838750", parameters: { list: "x" } })
      assert.strictEqual(call?.session.config.inputSampleRate, 8_000)
      for (const { backend } of [a, b]) {
        const seen = yield* during(backend.getSession(one.id))
        assert.deepStrictEqual(seen.config.call, call?.session.config.call)
      }
    }).pipe(Effect.scoped))

  it.effect("are made once for a key, whichever nodes are asked at once", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const { a, b, made } = yield* two({ dial: () => Deferred.await(gate) })
      const asking = yield* Effect.forEach(
        [a, b, a, b],
        ({ backend }) => Effect.forkChild(backend.dial(keyed))
      )
      yield* pass("2 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* pass("3 seconds")
      const ids = yield* Effect.forEach(asking, (fiber) => Effect.map(Fiber.join(fiber), ({ id }) => id))
      assert.strictEqual(new Set(ids).size, 1)
      assert.strictEqual(made().length, 1)
      for (const { backend } of [a, b]) {
        assert.strictEqual((yield* during(backend.dial(keyed))).id, ids[0])
        assert.strictEqual(
          yield* during(codeOf(backend.dial({ ...keyed, to: "+442071838751" }))),
          "invalid_config: idempotency_key_reused"
        )
      }
      assert.strictEqual(made().length, 1)
    }).pipe(Effect.scoped))

  it.effect("are not made again by another node when the one that makes them falls silent", () =>
    Effect.gen(function*() {
      // the carrier takes its time, and the node that waits for it is cut off meanwhile
      const { a, b, cluster, made, ofA, ofB } = yield* two({ dial: () => Effect.sleep("1 second") })
      for (let i = 0; i < 5; i++) yield* a.local.createSession({ userId: "u", transport: "websocket" })
      yield* cluster.settle
      const dialling = yield* Effect.forkChild(codeOf(a.backend.dial(keyed)))
      yield* pass("200 millis")
      assert.strictEqual(ofB.opened.length, 1)
      b.cut(true)
      yield* pass("2 minutes")
      assert.isString(yield* Fiber.join(dialling))
      assert.deepStrictEqual([ofA.made.length, made().length], [0, 1])
    }).pipe(Effect.scoped))

  it.effect("go on to the next node where one makes as many as it may", () =>
    Effect.gen(function*() {
      const { a, made } = yield* two({ outbound: { maxConcurrentCalls: 2 } })
      const codes = yield* Effect.forEach(
        Array.from({ length: 7 }),
        () => during(codeOf(a.backend.dial(request)), "1 second")
      )
      assert.deepStrictEqual(codes.filter((code) => code === "success").length, 4)
      assert.strictEqual(codes.at(-1), "session_limit_exceeded: calls_full")
      assert.strictEqual(made().length, 4)
    }).pipe(Effect.scoped))

  it.effect("are controlled from another node as from their own", () =>
    Effect.gen(function*() {
      const { a, b, made } = yield* two()
      const dialled = yield* during(a.backend.dial(request))
      const [call] = made()
      const connection = new TestConnection()
      call?.answer(connection)
      yield* pass("1 second")
      const has = yield* Effect.exit(a.local.getSession(dialled.id))
      const far = has._tag === "Success" ? b : a
      const remote = yield* during(far.backend.getSession(dialled.id))
      yield* during(remote.hold(true))
      yield* during(remote.mute(true))
      assert.includeMembers(Array.from(connection.types), ["call.held", "call.muted"])
      yield* during(remote.hold(false))
      assert.strictEqual(yield* during(codeOf(remote.transfer({ queue: "sales" }))), "invalid_config: unsupported")
      assert.strictEqual(yield* during(codeOf(remote.transfer({ agent: "nobody" }))), "invalid_config")
      assert.strictEqual(yield* during(codeOf(remote.sendDtmf("12x"))), "invalid_config")
      yield* during(remote.hangUp)
      assert.strictEqual(yield* during(codeOf(remote.hangUp)), "session_not_found")
      assert.isTrue(call?.isOver())
    }).pipe(Effect.scoped))
})
