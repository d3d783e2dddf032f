import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { SessionNotFound } from "../../src/BackendError.ts"
import * as SessionLinks from "../../src/providers/SessionLinks.ts"
import * as SteppedClock from "../support/SteppedClock.ts"

const links = SessionLinks.make({
  host: {
    signingKey: Redacted.make("0123456789abcdef0123456789abcdef"),
    admit: () => Effect.void,
    recover: () => Effect.fail(new SessionNotFound({ op: "test", message: "unknown" }))
  },
  limits: () => ({ tokenTtl: Duration.minutes(10), resumeWindow: Duration.minutes(1) }),
  maxConnectionsPerSession: 2
})

const session = { id: "s", config: { userId: "u", transport: "websocket" as const }, resumed: false }

describe("SessionLinks", () => {
  for (const stepMs of [-3_600_000, -20_000, 20_000, 3_600_000]) {
    it.effect(`accepts a new user's token after the wall clock was stepped by ${stepMs} ms`, () =>
      Effect.gen(function*() {
        const { clock, step } = yield* SteppedClock.make
        step(1_700_000_000_000)
        yield* Effect.gen(function*() {
          const { authenticate, open } = yield* links
          const { token } = yield* open(session)
          yield* TestClock.adjust("1 minute")
          step(stepMs)
          assert.strictEqual((yield* authenticate("s", token)).id, "s")
        }).pipe(Effect.provideService(Clock.Clock, clock))
      }).pipe(Effect.scoped))
  }

  it.effect("refuses a token that has expired by both clocks", () =>
    Effect.gen(function*() {
      const { authenticate, open } = yield* links
      const { token } = yield* open(session)
      yield* TestClock.adjust("601 seconds")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(authenticate("s", token))))
    }).pipe(Effect.scoped))
})
