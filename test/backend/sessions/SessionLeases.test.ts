import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as SessionLeases from "../../../src/backend/sessions/SessionLeases.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"

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
})
