import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema } from "effect"
import * as BackendError from "../src/BackendError.ts"

const fields = { op: "Service.method", message: "what happened", details: { reason: "x" }, cause: new Error("s3cret") }
const all: ReadonlyArray<readonly [BackendError.BackendError, string, number, boolean]> = [
  [new BackendError.InvalidConfig(fields), "invalid_config", 400, false],
  [new BackendError.ProviderNotFound(fields), "provider_not_found", 404, false],
  [new BackendError.ConnectionFailed(fields), "connection_failed", 502, true],
  [new BackendError.ConnectionTimeout(fields), "connection_timeout", 504, true],
  [new BackendError.SessionNotFound(fields), "session_not_found", 404, false],
  [new BackendError.SessionLimitExceeded(fields), "session_limit_exceeded", 503, true],
  [new BackendError.RateLimitExceeded(fields), "rate_limit_exceeded", 429, true],
  [new BackendError.AuthenticationFailed(fields), "authentication_failed", 401, false],
  [new BackendError.AuthorizationFailed(fields), "authorization_failed", 403, false],
  [new BackendError.PipelineError({ ...fields, retryable: true }), "pipeline_error", 500, true],
  [new BackendError.AgentError({ ...fields, retryable: false }), "agent_error", 502, false],
  [new BackendError.Timeout(fields), "timeout", 504, true],
  [new BackendError.ContextCanceled(fields), "context_canceled", 499, false]
]

describe("BackendError", () => {
  it("are the thirteen of the contract", () => {
    assert.deepStrictEqual(all.map(([error]) => error.code), [...BackendError.BackendErrorCode.literals])
  })

  for (const [error, code, status, retryable] of all) {
    it(`${code} is problem JSON with status ${status}, without its cause`, () => {
      const json = JSON.stringify(Schema.encodeSync(BackendError.ProblemJson)(BackendError.toProblemJson(error)))
      assert.deepStrictEqual(JSON.parse(json), {
        type: `urn:effect-voice:error:${code}`,
        title: code.replaceAll("_", " "),
        status,
        detail: "what happened",
        code,
        op: "Service.method",
        retryable,
        details: { reason: "x" }
      })
      assert.notInclude(json, "s3cret")
      assert.isTrue(BackendError.isBackendError(error))
      assert.strictEqual(BackendError.httpStatus(error), status)
    })
  }

  it.effect("is what any cause comes to", () =>
    Effect.gen(function*() {
      const [known] = all[2] ?? []
      const of = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.map(Effect.exit(effect), (exit) =>
          Exit.isFailure(exit) ? BackendError.fromCause("op", exit.cause) : undefined)
      assert.strictEqual(yield* of(Effect.fail(known)), known)
      assert.strictEqual((yield* of(Effect.interrupt))?.code, "context_canceled")
      assert.deepInclude(yield* of(Effect.die(new Error("bug"))), { code: "pipeline_error", message: "bug", op: "op" })
      assert.deepInclude(yield* of(Effect.fail("words")), { code: "pipeline_error", message: "words" })
      const normal = yield* Effect.exit(BackendError.normalize("op")(Effect.interrupt))
      assert.isTrue(Exit.isFailure(normal) && Cause.hasInterruptsOnly(normal.cause))
    }))
})
