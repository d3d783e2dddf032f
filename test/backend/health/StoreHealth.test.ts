import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, References } from "effect"
import { TestClock } from "effect/testing"
import * as StoreHealth from "../../../src/backend/health/StoreHealth.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed, Timeout } from "../../../src/BackendError.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import { call, layer, pass, running } from "../../session/Harness.ts"

const broken = (reason: string): BackendError =>
  new ConnectionFailed({
    op: "SessionStore",
    message: `the session store test is ${reason}`,
    details: { part: "store", reason }
  })
const empty = { head: "{}", items: [] }

/** A store whose operations can be made to fail or to hang, and that counts them. */
const fragile = () => {
  const store = MemoryStore.make()
  const state = { fault: undefined as BackendError | "hang" | undefined, probes: 0, creates: 0, probing: 0, most: 0 }
  const through = <A>(effect: Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
    Effect.suspend(() =>
      state.fault === undefined ? effect : state.fault === "hang" ? Effect.never : Effect.fail(state.fault)
    )
  const probe = Effect.suspend(() => {
    state.probes++
    state.most = Math.max(state.most, ++state.probing)
    return Effect.ensuring(
      through(Effect.sleep("10 millis")),
      Effect.sync(() => {
        state.probing--
      })
    )
  })
  const service: SessionStore["Service"] = {
    ...store,
    create: (...args) => {
      state.creates++
      return through(store.create(...args))
    },
    write: (...args) => through(store.write(...args)),
    claim: (id) => through(store.claim(id)),
    undoClaim: (lease) => through(store.undoClaim(lease)),
    renew: through(store.renew),
    listOwned: through(store.listOwned),
    releaseLease: (lease) => through(store.releaseLease(lease)),
    remove: (lease) => through(store.remove(lease)),
    sweep: through(store.sweep),
    secret: (...args) => through(store.secret(...args)),
    shareSecrets: (...args) => through(store.shareSecrets(...args)),
    probe
  }
  return { service, state }
}

/** How long an effect takes, and what it gives; its fiber is waited for in virtual time. */
const timed = Effect.fnUntraced(function*<A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(effect)
  for (let ms = 0;; ms += 10) {
    if (fiber.pollUnsafe() !== undefined) return { ms, exit: yield* Fiber.await(fiber) }
    yield* TestClock.adjust(10)
  }
})

const later = (ms: number) => TestClock.adjust(ms)

describe("StoreHealth", () => {
  it.effect("probes once for all who ask, at most once a second, and never twice at once", () =>
    Effect.gen(function*() {
      const { service, state } = fragile()
      const { source } = yield* StoreHealth.make(service, Effect.void)
      const asking = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 100 }), () => source.probe, { concurrency: "unbounded" })
      )
      yield* later(10)
      yield* Fiber.join(asking)
      assert.strictEqual(state.probes, 1)
      yield* later(900)
      yield* source.probe
      assert.strictEqual(state.probes, 1)
      yield* later(200)
      yield* timed(source.probe)
      assert.deepStrictEqual([state.probes, state.most], [2, 1])
    }))

  it.effect("refuses sessions at once while the store is down, with the cause and a time to try again", () =>
    Effect.gen(function*() {
      const { service, state } = fragile()
      const { source, store } = yield* StoreHealth.make(service, Effect.void)
      yield* store.create("a", empty, 1_000)
      state.fault = "hang"
      const first = yield* timed(Effect.flip(Effect.timeout(store.create("b", empty, 1_000), "5 seconds")))
      assert.isAtMost(first.ms, 5_010)
      // noticed by the one that took long, after a second, and the probe's own deadline
      const health = yield* timed(Effect.flip(source.probe))
      assert.isAtMost(health.ms, 10)
      assert.strictEqual(health.exit._tag === "Success" && health.exit.value.code, "timeout")
      const asked = state.creates
      const refused = yield* timed(Effect.flip(store.create("c", empty, 1_000)))
      assert.isAtMost(refused.ms, 10)
      assert.strictEqual(state.creates, asked)
      assert.isTrue(refused.exit._tag === "Success")
      if (refused.exit._tag === "Success" && "details" in refused.exit.value) {
        assert.strictEqual(refused.exit.value.code, "connection_failed")
        assert.deepStrictEqual(refused.exit.value.details, {
          part: "store",
          store: "memory",
          reason: "unreachable",
          retryAfterMs: 5_000
        })
      }
      const claimed = yield* timed(Effect.flip(store.claim("c")))
      assert.isAtMost(claimed.ms, 10)
      const before = state.probes
      yield* later(60_000)
      assert.isAtMost(state.probes - before, 16)
      assert.strictEqual(state.most, 1)
      state.fault = undefined
      yield* later(5_000)
      yield* timed(source.probe)
      assert.strictEqual((yield* store.create("d", empty, 1_000)).fence, 1)
    }))

  it.effect("says at once what an operation has met, and looks sessions up while the store only takes no writes", () =>
    Effect.gen(function*() {
      const { service, state } = fragile()
      const { source, store } = yield* StoreHealth.make(service, Effect.void)
      yield* timed(source.probe)
      state.fault = broken("full")
      const error = yield* Effect.flip(store.create("a", empty, 1_000))
      assert.deepStrictEqual([error.code, error.details?.["reason"]], ["connection_failed", "full"])
      assert.strictEqual(error.details?.["retryAfterMs"], 5_000)
      // not the good answer of a moment ago
      assert.strictEqual((yield* Effect.flip(source.probe)).message, "the session store test is full")
      assert.strictEqual((yield* Effect.flip(store.claim("a"))).details?.["retryAfterMs"], undefined)
      state.fault = undefined
      yield* later(1_100)
      assert.deepStrictEqual(yield* store.claim("a"), { _tag: "Unknown" })
      assert.isTrue((yield* timed(source.probe)).exit._tag === "Success")
    }))

  it.effect("takes the failure of any operation as a sign, and probes", () =>
    Effect.gen(function*() {
      const ops: Record<string, (store: SessionStore["Service"]) => Effect.Effect<unknown, BackendError>> = {
        create: (store) => store.create("new", empty, 60_000),
        write: (store) => store.write({ id: "s", fence: 1 }, { head: "{}", from: 0, items: [] }),
        claim: (store) => store.claim("s"),
        undoClaim: (store) => store.undoClaim({ id: "s", fence: 1 }),
        renew: (store) => store.renew,
        listOwned: (store) => store.listOwned,
        releaseLease: (store) => store.releaseLease({ id: "s", fence: 1 }),
        remove: (store) => store.remove({ id: "s", fence: 1 }),
        sweep: (store) => store.sweep,
        secret: (store) => store.secret("key", "a"),
        shareSecrets: (store) => store.shareSecrets("key", ["a"])
      }
      for (const [name, op] of Object.entries(ops)) {
        const { service, state } = fragile()
        const { source, store } = yield* StoreHealth.make(service, Effect.void)
        yield* timed(source.probe)
        state.fault = broken("full")
        const { exit } = yield* timed(op(store))
        assert.isTrue(Exit.isFailure(exit), name)
        yield* later(50)
        assert.strictEqual(state.probes, 2, name)
      }
    }))

  it.effect("tells of leases that are not renewed although the store answers", () =>
    Effect.gen(function*() {
      const { service } = fragile()
      let locked = false
      const { source, store } = yield* StoreHealth.make({
        ...service,
        renew: Effect.suspend(() => locked ? Effect.fail(new Timeout({ op: "x", message: "locked" })) : service.renew)
      }, Effect.void)
      const renew = Effect.andThen(Effect.ignore(store.renew), later(1_250))
      yield* Effect.forEach([1, 2, 3], () => renew)
      yield* timed(source.probe)
      locked = true
      yield* renew
      // made good within the lease
      yield* timed(source.probe)
      yield* Effect.forEach([1, 2, 3, 4, 5], () => renew)
      assert.strictEqual((yield* Effect.flip(source.probe)).message, "leases are not renewed: locked")
      // sessions can still be stored
      yield* store.create("a", empty, 1_000)
      locked = false
      yield* renew
      yield* timed(source.probe)
    }))

  it.effect("keeps calls and the backend going: degraded, one line per change, nothing waits for the store", () => {
    const lines: Array<string> = []
    const logger = Logger.make((entry) => {
      const { cause, part } = entry.fiber.getRef(References.CurrentLogAnnotations)
      if (part === "store") lines.push(`${entry.logLevel} ${String(entry.message)} ${String(cause ?? "")}`)
    })
    const { service, state } = fragile()
    return running(
      layer({}).pipe(Layer.provide(Layer.succeed(SessionStore, service))),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        yield* pass("15 seconds")
        const live = yield* Effect.forkChild(call())
        yield* pass("1 second")
        const user = yield* Fiber.join(live)
        state.fault = broken("read_only")
        yield* timed(Effect.flip(backend.createSession({ userId: "u", transport: "websocket" })))
        yield* later(100)
        const health = yield* timed(backend.healthCheck)
        assert.isTrue(health.exit._tag === "Success")
        if (health.exit._tag === "Success") {
          assert.strictEqual(health.exit.value.status, "degraded")
          assert.deepStrictEqual(health.exit.value.parts.find(({ name }) => name === "store"), {
            name: "store",
            status: "unhealthy",
            cause: "connection_failed: the session store test is read_only"
          })
        }
        assert.isTrue(yield* backend.ready)
        yield* pass("60 seconds")
        state.fault = undefined
        yield* pass("4 seconds")
        assert.deepStrictEqual(lines, [
          "Warn store is unhealthy connection_failed: the session store test is read_only",
          "Info store is healthy again after 1m 1s "
        ])
        assert.notStrictEqual(yield* user.session.state.get, "closed")
        yield* backend.createSession({ userId: "u", transport: "websocket" })
      })
    ).pipe(Effect.provide(Logger.layer([logger])))
  })
})
