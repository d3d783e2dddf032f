import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as SessionLeases from "../../../src/backend/sessions/SessionLeases.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as SteppedClock from "../../support/SteppedClock.ts"

const snapshot = { head: "{}", items: [] }

describe("SessionLeases", () => {
  it.effect("fails with the part that hangs when the store does not answer", () =>
    Effect.gen(function*() {
      const store = SessionStore.of({ ...MemoryStore.make(), claim: () => Effect.never })
      const leases = yield* Effect.provideService(SessionLeases.make, SessionStore, store)
      const claiming = yield* Effect.forkChild(Effect.flip(leases.claim("ses_1")))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(claiming)
      assert.strictEqual(error.code, "timeout")
      assert.isTrue(error.retryable)
      assert.strictEqual(error.message, "the session store timed out after 5s")
      assert.deepStrictEqual(error.details, { part: "store" })
    }))

  for (const what of ["claim", "create"] as const) {
    it.effect(`gives a lease back that the store takes after the deadline of a ${what}`, () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        const former = MemoryStore.make({ table })
        if (what === "claim") {
          yield* former.create("s", snapshot, 600_000)
          yield* former.releaseAll
        }
        const inner = MemoryStore.make({ table })
        const late = <A, E>(effect: Effect.Effect<A, E>) =>
          // committed at once; only the answer comes late
          Effect.flatMap(effect, (taken) => Effect.as(Effect.sleep("6 seconds"), taken))
        const store = SessionStore.of({
          ...inner,
          claim: (id) => late(inner.claim(id)),
          create: (...given) => given[0] === "other" ? inner.create(...given) : late(inner.create(...given))
        })
        const leases = yield* Effect.provideService(SessionLeases.make, SessionStore, store)
        // a session of this process, whose lease is renewed
        yield* leases.begin("other", snapshot, Duration.minutes(10))
        const taking: Effect.Effect<unknown, unknown> = what === "claim"
          ? leases.claim("s")
          : leases.begin("s", snapshot, Duration.minutes(10))
        const first = yield* Effect.forkChild(Effect.exit(taking))
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* Fiber.join(first))._tag, "Failure")
        // another process can have the session, or begin it
        assert.strictEqual((yield* former.claim("s"))._tag, what === "claim" ? "Claimed" : "Unknown")
        assert.strictEqual((yield* former.claim("other"))._tag, "Held")
      }))
  }

  it.effect("does not keep a session that it cannot read", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const former = MemoryStore.make({ table })
      yield* former.create("s", snapshot, 600_000)
      yield* former.releaseAll
      const store = MemoryStore.make({ table })
      const leases = yield* Effect.provideService(SessionLeases.make, SessionStore, store)
      assert.strictEqual((yield* Effect.flip(leases.claim("s"))).code, "pipeline_error")
      assert.strictEqual((yield* former.claim("s"))._tag, "Claimed")
    }))

  it.effect("does not take sessions for abandoned because the wall clock was set forward", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      const inner = MemoryStore.make()
      let sweeps = 0
      const store = SessionStore.of({
        ...inner,
        sweep: Effect.sync(() => {
          sweeps++
          return 0
        })
      })
      yield* Effect.gen(function*() {
        yield* SessionLeases.make
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual(sweeps, 2)
        step(3_600_000)
        // the owners have until the next sweep to renew their leases
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(sweeps, 2)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(sweeps, 3)
      }).pipe(Effect.provideService(SessionStore, store), Effect.provideService(Clock.Clock, clock))
    }))
})
