import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as AccessControl from "../../../src/backend/admission/AccessControl.ts"
import { defaults } from "../../../src/backend/config/BackendConfig.ts"
import { CurrentPeer } from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { AuthenticationFailed, type BackendError, RateLimitExceeded } from "../../../src/BackendError.ts"
import { AuthHook, type AuthResult } from "../../../src/hooks/AuthHook.ts"
import { RateLimiter } from "../../../src/hooks/RateLimiter.ts"
import type { RateLimits } from "../../../src/hooks/RateLimits.ts"
import { layer, pass, provider, running } from "../../session/Harness.ts"

const CANARY = "canary-7f3a"
const session = { userId: "claimed", transport: "websocket", token: CANARY } as const
const ada: AuthResult = { userId: "ada", authorized: true, tenant: "acme", metadata: { plan: "gold" } }

const hook = (
  authenticate: AuthHook["Service"]["authenticate"] = () => Effect.succeed(ada),
  authorize: AuthHook["Service"]["authorize"] = () => Effect.succeed(true)
) => Layer.succeed(AuthHook, { authenticate, authorize })

const make = (
  layers: Layer.Layer<AuthHook> | Layer.Layer<RateLimiter> | Layer.Layer<never> = Layer.empty,
  rateLimits: Partial<RateLimits> = {},
  limiter?: RateLimiter["Service"]
) =>
  AccessControl.make({
    config: () => ({ timeout: Duration.seconds(5), rateLimits: { ...defaults.rateLimits, ...rateLimits } }),
    limiter: () => limiter
  }).pipe(Effect.provide(layers))

const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, { onFailure: (error): string => error.code, onSuccess: () => "success" })

const rule = (limit: number) => ({ limit, window: Duration.minutes(1) })
const from = (address: string) => Effect.provideService(CurrentPeer, { address })

describe("AccessControl", () => {
  it.effect("takes the user from the hook, and keeps no token", () =>
    Effect.gen(function*() {
      const gate = yield* make(hook(() => Effect.succeed({ ...ada, expiresAt: 5_000 })))
      const admitted = yield* gate.create({ ...session, metadata: { plan: "none", room: 1 } })
      assert.deepStrictEqual(admitted, {
        userId: "ada",
        transport: "websocket",
        metadata: { plan: "gold", room: 1 },
        tenant: "acme",
        expiresAt: 5_000
      })
      const connect = codeOf(gate.connect({ id: "s", config: admitted, resumed: false }, {}))
      assert.strictEqual(yield* connect, "success")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* connect, "authentication_failed")
      assert.strictEqual(yield* codeOf(gate.create(session)), "authentication_failed")
    }).pipe(Effect.scoped))

  it.effect("refuses with the contract's codes, and never with the hook's text", () => {
    const lines: Array<string> = []
    const log = Logger.layer([Logger.make(({ message }) => void lines.push(JSON.stringify(message)))])
    const bug = () => {
      throw new Error(CANARY)
    }
    return Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [string, Layer.Layer<AuthHook>]> = [
        ["authorization_failed", hook(() => Effect.succeed({ ...ada, authorized: false }))],
        ["authorization_failed", hook(undefined, () => Effect.succeed(false))],
        ["authentication_failed", hook(() => Effect.fail(new AuthenticationFailed({ op: CANARY, message: CANARY })))],
        [
          "rate_limit_exceeded",
          hook(() => Effect.fail(new RateLimitExceeded({ op: "x", message: CANARY, details: { s: CANARY } })))
        ],
        ["connection_failed", hook(() => Effect.die(new Error(CANARY)))],
        ["connection_failed", hook(bug)],
        ["connection_failed", hook(undefined, () => Effect.die(CANARY))],
        ["connection_failed", hook(() => Effect.succeed({ ...ada, userId: "" }))],
        ["connection_failed", hook(() => Effect.succeed({ ...ada, tenant: "t".repeat(300) }))],
        ["timeout", hook(() => Effect.never)],
        ["timeout", hook(undefined, () => Effect.never)]
      ]
      for (const [code, layers] of cases) {
        const gate = yield* make(layers)
        const asking = yield* Effect.forkChild(Effect.flip(gate.create(session)))
        yield* TestClock.adjust("5 seconds")
        const error = yield* Fiber.join(asking)
        assert.strictEqual(error.code, code)
        assert.notInclude(JSON.stringify(error) + String(error) + error.stack, CANARY)
      }
      const gate = yield* make(hook())
      assert.strictEqual(yield* codeOf(gate.create({ ...session, token: undefined })), "authentication_failed")
      assert.isAbove(lines.length, 4)
      assert.notInclude(lines.join(), CANARY)
    }).pipe(Effect.scoped, Effect.provide(log))
  })

  it.effect("limits users, tenants and addresses, with the time to retry", () =>
    Effect.gen(function*() {
      const gate = yield* make(Layer.empty, {
        create: { user: rule(2), tenant: rule(3), address: rule(4) },
        connect: { address: rule(1) }
      })
      const create = (userId: string, tenant: string, address: string) =>
        Effect.match(gate.create({ userId, tenant, transport: "websocket" }).pipe(from(address)), {
          onFailure: (error) => error.details?.["by"],
          onSuccess: () => "in"
        })
      assert.deepStrictEqual(
        yield* Effect.all([create("a", "t", "::1"), create("a", "t", "::2"), create("a", "t", "::3")]),
        ["in", "in", "user"]
      )
      // what a user was refused cost the tenant nothing
      assert.deepStrictEqual(yield* Effect.all([create("b", "t", "1.1.1.1"), create("c", "t", "1.1.1.1")]), [
        "in",
        "tenant"
      ])
      assert.deepStrictEqual(yield* Effect.all([create("d", "u", "::4"), create("e", "v", "::5")]), ["in", "address"])
      const error = yield* Effect.flip(gate.create({ userId: "a", transport: "websocket" }))
      assert.deepStrictEqual([error.code, error.details], ["rate_limit_exceeded", { retryAfterMs: 30_000, by: "user" }])
      const link = { id: "s", config: session, resumed: false }
      assert.strictEqual(yield* codeOf(gate.connect(link, { address: "::1" })), "success")
      assert.strictEqual(yield* codeOf(gate.connect(link, { address: "::2" })), "rate_limit_exceeded")
      assert.strictEqual(yield* codeOf(gate.connect(link, {})), "success")
    }).pipe(Effect.scoped))

  it.effect("asks the provider's limiter first, then the application's, then its own", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const limiter = (name: string, refuses: string): RateLimiter["Service"] => ({
        allow: (key) =>
          Effect.sync(() => {
            asked.push(`${name} ${key}`)
            return key !== refuses
          }),
        wait: () => Effect.void
      })
      const gate = yield* make(
        Layer.succeed(RateLimiter, limiter("app", "user:b")),
        { create: { user: rule(1) } },
        limiter("provider", "user:a")
      )
      const create = (userId: string) => codeOf(gate.create({ userId, transport: "websocket" }))
      assert.strictEqual(yield* create("a"), "rate_limit_exceeded")
      assert.strictEqual(yield* create("b"), "rate_limit_exceeded")
      assert.strictEqual(yield* create("c"), "success")
      assert.strictEqual(yield* create("c"), "rate_limit_exceeded")
      assert.deepStrictEqual(asked, [
        "provider user:a",
        "provider user:b",
        "app user:b",
        "provider user:c",
        "app user:c",
        "provider user:c",
        "app user:c"
      ])
    }).pipe(Effect.scoped))

  it.effect("with admission: 50 of 1,000 sessions are created, with slow hooks and a slow provider (P8)", () => {
    let taken = 0
    let most = 0
    const slow = provider({
      open: () =>
        Effect.acquireRelease(
          Effect.sync(() => {
            taken++
            most = Math.max(most, taken)
          }),
          () => Effect.sync(() => taken--)
        ).pipe(
          Effect.andThen(Effect.sleep("300 millis")),
          Effect.as({ access: { connectionUrl: "x" }, attachments: Stream.never })
        )
    })
    return running(
      layer({ config: { maxConcurrentSessions: 50 }, provider: slow }).pipe(
        Layer.provide(hook(() => Effect.delay(Effect.succeed(ada), "200 millis")))
      ),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        for (let round = 0; round < 2; round++) {
          const asking = yield* Effect.forkChild(
            Effect.forEach(Array.from({ length: 1_000 }), () => Effect.result(backend.createSession(session)), {
              concurrency: "unbounded"
            })
          )
          yield* pass("2 seconds")
          const results = yield* Fiber.join(asking)
          const refusals = results.flatMap((result) => result._tag === "Failure" ? [result.failure] : [])
          assert.strictEqual(refusals.length, 950)
          assert.isTrue(refusals.every((error) => error.code === "session_limit_exceeded"))
          assert.deepStrictEqual(refusals[0]?.details, { reason: "full", max: 50, retryAfterMs: 1_000 })
          assert.deepStrictEqual([taken, most, yield* backend.activeSessionCount], [50, 50, 50])
          yield* Effect.forEach(yield* backend.listSessions, ({ id }) => backend.closeSession(id), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual([taken, yield* backend.activeSessionCount], [0, 0])
        }
      })
    )
  })
})
