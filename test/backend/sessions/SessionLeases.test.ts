import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import { makeSessionLeases } from "../../../src/backend/sessions/makeSessionLeases.ts"
import { type BackendError, ConnectionFailed } from "../../../src/BackendError.ts"
import { SessionStore, type StoredSession } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as StoreDamage from "../../store/StoreDamage.ts"
import * as SteppedClock from "../../support/SteppedClock.ts"

const snapshot = { head: "{}", items: [] }
const away = new ConnectionFailed({ op: "test", message: "the store is away" })
const written = (version: number): StoredSession =>
  JSON.parse(readFileSync(new URL(`../../fixtures/snapshots/version-${version}.json`, import.meta.url), "utf8"))

describe("SessionLeases", () => {
  it.effect("fails with the part that hangs when the store does not answer", () =>
    Effect.gen(function*() {
      const store = SessionStore.of({ ...MemoryStore.make(), claim: () => Effect.never })
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
      const claiming = yield* Effect.forkChild(Effect.flip(leases.claim("ses_1")))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(claiming)
      assert.strictEqual(error.code, "timeout")
      assert.isTrue(error.retryable)
      assert.strictEqual(error.message, "the session store timed out after 5s")
      assert.deepStrictEqual(error.details, { part: "store", retryAfterMs: 5_000 })
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
        const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
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
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
      assert.strictEqual((yield* Effect.flip(leases.claim("s"))).code, "pipeline_error")
      assert.strictEqual((yield* former.claim("s"))._tag, "Claimed")
    }))

  for (const what of ["claim", "create"] as const) {
    it.effect(`gives a lease back whose ${what} the store has carried out although it failed`, () =>
      Effect.gen(function*() {
        const table = MemoryStore.makeTable()
        const former = MemoryStore.make({ table })
        if (what === "claim") {
          yield* former.create("s", snapshot, 600_000)
          yield* former.releaseAll
        }
        const inner = MemoryStore.make({ table })
        // the connection is lost before the answer comes
        const unanswered = <A>(effect: Effect.Effect<A, BackendError>) => Effect.andThen(effect, Effect.fail(away))
        const store = SessionStore.of({
          ...inner,
          claim: (id) => unanswered(inner.claim(id)),
          create: (...given) => unanswered(inner.create(...given))
        })
        const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
        const taking: Effect.Effect<unknown, BackendError> = what === "claim"
          ? leases.claim("s")
          : leases.begin("s", snapshot, Duration.minutes(10))
        assert.strictEqual((yield* Effect.flip(taking)).code, "connection_failed")
        assert.strictEqual((yield* former.claim("s"))._tag, "Held")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* former.claim("s"))._tag, what === "claim" ? "Claimed" : "Unknown")
      }))
  }

  it.effect("asks for a session to be stored again when the store has lost it, or a part, or an older copy is back", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const damage = StoreDamage.ofMemory(table)
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, MemoryStore.make({ table }))
      yield* leases.begin("s", { head: "{}", items: ["1", "2"] }, Duration.minutes(10))
      const setBack = yield* damage.copy
      yield* leases.write("s", { head: "{}", from: 2, items: ["3"] })
      let asked = 0
      leases.watch("s", { saveAgain: () => void asked++, takenOver: () => {} })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(asked, 0)
      for (
        const lose of [damage.loseAll, damage.loseSession("s"), damage.loseItems("s", 1), damage.loseHead("s"), setBack]
      ) {
        yield* lose
        asked = 0
        yield* TestClock.adjust("5 seconds")
        assert.isAtLeast(asked, 1)
        yield* leases.write("s", { head: "{}", from: 0, items: ["1", "2", "3"] })
        asked = 0
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(asked, 0)
      }
    }))

  it.effect("renews leases and writes while the erasure of a session hangs, and does not resume that session", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const inner = MemoryStore.make({ table })
      let hangs = true
      const store = SessionStore.of({
        ...inner,
        remove: (lease) => Effect.suspend(() => hangs ? Effect.never : inner.remove(lease))
      })
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
      yield* leases.begin("ended", snapshot, Duration.minutes(10))
      yield* leases.begin("other", snapshot, Duration.minutes(10))
      yield* Effect.forkChild(leases.end("ended"))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* MemoryStore.make({ table }).claim("other"))._tag, "Held")
      assert.strictEqual((yield* Effect.flip(leases.claim("ended"))).code, "session_not_found")
      const fault = yield* Effect.flip(leases.health?.probe ?? Effect.die("no health"))
      assert.match(fault.message, /1 session that ended not erased/u)
      hangs = false
      yield* TestClock.adjust("7 seconds")
      assert.deepStrictEqual(Array.from(table.rows.keys()), ["other"])
      yield* leases.health?.probe ?? Effect.void
    }))

  it.effect("renews leases while what is stored cannot be listed", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const store = SessionStore.of({ ...MemoryStore.make({ table }), listOwned: Effect.never })
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
      yield* leases.begin("s", snapshot, Duration.minutes(10))
      const other = MemoryStore.make({ table })
      for (let second = 0; second < 60; second++) {
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* other.claim("s"))._tag, "Held", `after ${second} s`)
      }
    }))

  it.effect("is degraded while snapshots or the secret have not been stored for half a minute, and says why", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const inner = MemoryStore.make({ table })
      let isAway = false
      const guard = <A>(effect: Effect.Effect<A, BackendError>) =>
        Effect.suspend(() => isAway ? Effect.fail(away) : effect)
      const store = SessionStore.of({
        ...inner,
        write: (...given) => guard(inner.write(...given)),
        shareSecrets: (...given) => guard(inner.shareSecrets(...given))
      })
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, store)
      yield* leases.begin("s", snapshot, Duration.minutes(10))
      yield* leases.sharedSecret("key", "secret")
      const probe = leases.health?.probe ?? Effect.void
      const write = leases.write("s", { head: "{}", from: 0, items: [] })
      yield* TestClock.adjust("1 minute")
      yield* probe
      isAway = true
      yield* Effect.flip(write)
      yield* TestClock.adjust("20 seconds")
      yield* probe
      yield* TestClock.adjust("15 seconds")
      yield* Effect.flip(write)
      const { message } = yield* Effect.flip(probe)
      assert.match(message, /snapshots of 1 session not stored for up to 35 s: the store is away/u)
      assert.match(message, /the secret of session tokens not stored for 3\d s: the store is away/u)
      isAway = false
      yield* write
      yield* TestClock.adjust("2 seconds")
      yield* probe
    }))

  it.effect("is degraded while a session that the store has lost is not stored again", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, MemoryStore.make({ table }))
      yield* leases.begin("lost", snapshot, Duration.minutes(10))
      yield* leases.begin("other", snapshot, Duration.minutes(10))
      const probe = leases.health?.probe ?? Effect.void
      table.rows.delete("lost")
      yield* TestClock.adjust("40 seconds")
      const { message } = yield* Effect.flip(probe)
      assert.match(message, /snapshots of 1 session not stored for up to 3\d s: the session store has lost it/u)
      yield* leases.write("lost", { head: "{}", from: 0, items: [] })
      yield* TestClock.adjust("31 seconds")
      yield* probe
    }))

  it.effect("offers the shared secret again, and keeps accepting those of before", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const start = Effect.provideService(makeSessionLeases, SessionStore, MemoryStore.make({ table }))
      const [a, b] = [yield* start, yield* start]
      const [ours, theirs] = [yield* a.sharedSecret("key", "one"), yield* b.sharedSecret("key", "other")]
      assert.deepStrictEqual([ours.current(), theirs.current()], ["one", "one"])
      table.secrets.clear()
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* (yield* start).sharedSecret("key", "another")).current(), "one")
      // another process is quicker than the renewal
      table.secrets.clear()
      const quick = yield* (yield* start).sharedSecret("key", "quick")
      yield* TestClock.adjust("3 seconds")
      for (const secret of [ours, theirs, quick]) {
        assert.deepStrictEqual([secret.current(), secret.former()], ["quick", ["one"]])
      }
    }))

  it.effect("logs once why a snapshot cannot be read, and does not store it any longer for being asked for", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const former = MemoryStore.make({ table })
      yield* former.create("s", { head: "{\"version\":99,\"words\":\"s3cret\"}", items: [] }, 60_000)
      yield* former.create("good", written(2), 600_000)
      yield* former.releaseAll
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(JSON.stringify(message)))
      yield* Effect.gen(function*() {
        const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, MemoryStore.make({ table }))
        for (let i = 0; i < 10; i++) {
          const error = yield* Effect.flip(leases.claim("s"))
          assert.strictEqual(error.details?.["reason"], "newer_version")
          yield* TestClock.adjust("5 seconds")
        }
        yield* leases.claim("good")
        assert.strictEqual(lines.length, 1)
        assert.match(lines[0] ?? "", /cannot be resumed here.*newer version 99/u)
        assert.notInclude(lines.join(), "s3cret")
        yield* TestClock.adjust("50 seconds")
        assert.deepStrictEqual(Array.from(table.rows.keys()), ["good"])
      }).pipe(Effect.provide(Logger.layer([logger])))
    }))

  it.effect("resumes a damaged session with what is left of it, and says so", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const former = MemoryStore.make({ table })
      const { head, items } = written(2)
      yield* former.create("s", { head, items: items.toSpliced(1, 1) }, 600_000)
      yield* former.releaseAll
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(JSON.stringify(message)))
      const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, MemoryStore.make({ table }))
      const restored = yield* leases.claim("s").pipe(Effect.provide(Logger.layer([logger])))
      assert.strictEqual(restored.history.length, items.length)
      assert.match(lines.join(), /damaged.*1 of its history items is missing/u)
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
        yield* makeSessionLeases
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual(sweeps, 2)
        step(3_600_000)
        // the owners have until the next sweep to renew their leases
        yield* TestClock.adjust("8 seconds")
        assert.strictEqual(sweeps, 2)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(sweeps, 3)
      }).pipe(Effect.provideService(SessionStore, store), Effect.provideService(Clock.Clock, clock))
    }))

  it.effect("renews its lease without sessions; sweeps a lease after its start, and not before it could renew", () =>
    Effect.gen(function*() {
      const inner = MemoryStore.make()
      let isAway = true
      const done: Array<string> = []
      const note = (what: string) => Effect.sync(() => void done.push(what))
      const away = Effect.fail(new ConnectionFailed({ op: "test", message: "the store is away" }))
      const store = SessionStore.of({
        ...inner,
        renew: Effect.suspend(() => isAway ? away : note("renew")),
        sweep: Effect.as(note("sweep"), 0)
      })
      yield* Effect.gen(function*() {
        yield* makeSessionLeases
        yield* TestClock.adjust("34 seconds")
        assert.deepStrictEqual(done, [])
        isAway = false
        yield* TestClock.adjust("5 seconds")
        assert.notInclude(done, "sweep")
        yield* TestClock.adjust("2 seconds")
        assert.include(done, "sweep")
      }).pipe(Effect.provideService(SessionStore, store), Effect.scoped)
      done.length = 0
      yield* Effect.provideService(makeSessionLeases, SessionStore, store)
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(done, Array.from({ length: 4 }, () => "renew"))
      yield* TestClock.adjust("1 millis")
      assert.include(done, "sweep")
    }))
})
