/** Tests that every session store must pass. */
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import type { BackendError } from "../../src/BackendError.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"

type Store = SessionStore["Service"]

export interface Harness {
  /** A new owner on the same store; leases last `LEASE_MS`. */
  readonly owner: Effect.Effect<Store, BackendError, Scope.Scope>
  /** Advances the store's clock. */
  readonly pass: (ms: number) => Effect.Effect<void>
}

export const LEASE_MS = 1_000

const empty = { head: "{}", items: [] }
let ids = 0
const newId = () => `ses_${process.pid}_${++ids}_${Math.trunc(performance.now())}`

/** Declares the tests; `make` makes a new harness for each of them. */
export const tests = (make: Effect.Effect<Harness, unknown, Scope.Scope>, run: "effect" | "live"): void => {
  const test = (says: string, body: (harness: Harness) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it[run](says, () => Effect.scoped(Effect.flatMap(make, body)), 60_000)

  test("stores head and items in order, and returns them to the owner that claims the session", ({ owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const id = newId()
      const text = JSON.stringify({ text: "naïve ☂ 𝄞 \u0000 \" ' $1 %s", nested: "x".repeat(40_000) })
      const lease = yield* a.create(id, { head: text, items: ["1", text] }, 60_000)
      yield* a.write(lease, { head: "{\"n\":1}", from: 1, items: ["2", "3", text] })
      yield* a.write(lease, { head: "{\"n\":2}", from: 2, items: [] })
      yield* a.write(lease, { head: "{\"n\":3}", from: 2, items: [text] })
      yield* a.releaseLease(lease)
      const claim = yield* b.claim(id)
      assert.deepStrictEqual(claim, {
        _tag: "Claimed",
        lease: { id, fence: 2 },
        snapshot: { head: "{\"n\":3}", items: ["1", "2", text] }
      })
    }))

  test("refuses an existing id, non-contiguous items, and too large ones", ({ owner }) =>
    Effect.gen(function*() {
      const a = yield* owner
      const id = newId()
      const lease = yield* a.create(id, empty, 60_000)
      assert.strictEqual((yield* Effect.flip(a.create(id, empty, 60_000))).code, "invalid_config")
      for (const from of [1, -1, 0.5]) {
        const gap = yield* Effect.flip(a.write(lease, { head: "{}", from, items: ["1"] }))
        assert.deepStrictEqual([gap.code, gap.details?.["reason"]], ["invalid_config", "gap"])
      }
      for (const change of [{ head: "x".repeat(262_145), items: [] }, { head: "", items: ["x".repeat(65_537)] }]) {
        const error = yield* Effect.flip(a.write(lease, { ...change, from: 0 }))
        assert.strictEqual(error.details?.["reason"], "too_large")
        assert.strictEqual((yield* Effect.flip(a.create(newId(), change, 1))).details?.["reason"], "too_large")
      }
    }))

  test("has one owner: held while the lease is renewed, fenced after a takeover", ({ owner, pass }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const id = newId()
      const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
      const held = yield* b.claim(id)
      assert.strictEqual(held._tag, "Held")
      assert.isTrue(held._tag === "Held" && held.forMs > 0 && held.forMs <= LEASE_MS)
      assert.strictEqual((yield* a.claim(id))._tag, "Held")
      for (let i = 0; i < 4; i++) {
        yield* pass(LEASE_MS / 2)
        yield* a.renew
      }
      assert.strictEqual((yield* b.claim(id))._tag, "Held")
      yield* pass(LEASE_MS + 100)
      const claim = yield* b.claim(id)
      assert.isTrue(claim._tag === "Claimed" && claim.lease.fence === 2)
      const refused = yield* Effect.flip(a.write(lease, { head: "{}", from: 0, items: [] }))
      assert.deepStrictEqual([refused.code, refused.details?.["reason"]], ["session_not_found", "fenced"])
      // the former owner's operations change nothing
      yield* a.remove(lease)
      yield* a.releaseLease(lease)
      yield* a.releaseAll
      yield* a.renew
      assert.strictEqual((yield* a.claim(id))._tag, "Held")
      if (claim._tag !== "Claimed") return
      assert.deepStrictEqual(claim.snapshot, { head: "{}", items: ["1"] })
      yield* b.write(claim.lease, { head: "{}", from: 1, items: ["2"] })
      yield* b.remove(claim.lease)
      assert.deepStrictEqual(yield* a.claim(id), { _tag: "Unknown" })
    }))

  test("releases the given session, and no other", ({ owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const [one, two, three] = [newId(), newId(), newId()]
      const lease = yield* a.create(one, empty, 60_000)
      yield* a.create(two, empty, 60_000)
      yield* b.create(three, empty, 60_000)
      yield* a.releaseLease(lease)
      assert.strictEqual((yield* b.claim(one))._tag, "Claimed")
      assert.strictEqual((yield* b.claim(two))._tag, "Held")
      yield* a.releaseAll
      assert.strictEqual((yield* b.claim(two))._tag, "Claimed")
      assert.strictEqual((yield* a.claim(three))._tag, "Held")
    }))

  test("erases sessions after their resume window, and only those", ({ owner, pass }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const [gone, stays] = [newId(), newId()]
      yield* a.create(gone, { head: "{}", items: ["1"] }, 500)
      yield* b.create(stays, empty, 60_000)
      yield* a.sweep
      assert.strictEqual((yield* b.claim(gone))._tag, "Held")
      yield* pass(LEASE_MS + 600)
      assert.isAtLeast(yield* b.sweep, 1)
      assert.deepStrictEqual(yield* b.claim(gone), { _tag: "Unknown" })
      assert.notStrictEqual((yield* a.claim(stays))._tag, "Unknown")
    }))

  test("shares the first secret that is offered, and answers probes", ({ owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const name = newId()
      const secrets = yield* Effect.all([a.secret(name, "one"), b.secret(name, "two")], { concurrency: 2 })
      assert.strictEqual(secrets[0], secrets[1])
      assert.include(["one", "two"], secrets[0])
      assert.strictEqual(yield* b.secret(newId(), "other"), "other")
      yield* a.probe
    }))

  test("gives a session to exactly one of two owners that claim it at once, 200 times", ({ owner }) =>
    Effect.gen(function*() {
      const [a, b, c] = yield* Effect.all([owner, owner, owner])
      yield* Effect.forEach(
        Array.from({ length: 200 }, newId),
        (id) =>
          Effect.gen(function*() {
            yield* a.releaseLease(yield* a.create(id, empty, 60_000))
            const claims = yield* Effect.all([b.claim(id), c.claim(id)], { concurrency: 2 })
            assert.deepStrictEqual(claims.map((claim) => claim._tag).sort(), ["Claimed", "Held"])
          }),
        { concurrency: 20 }
      )
    }))

  test("takes a hundred sessions that are written at once", ({ owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const all = Array.from({ length: 100 }, newId)
      yield* Effect.forEach(all, (id) =>
        Effect.gen(function*() {
          const lease = yield* a.create(id, empty, 60_000)
          for (let n = 0; n < 5; n++) yield* a.write(lease, { head: `${n}`, from: n, items: [`${id} ${n}`] })
          yield* a.releaseLease(lease)
        }), { concurrency: "unbounded", discard: true })
      for (const id of all.slice(0, 10)) {
        const claim = yield* b.claim(id)
        assert.isTrue(claim._tag === "Claimed")
        if (claim._tag !== "Claimed") continue
        assert.deepStrictEqual(claim.snapshot, { head: "4", items: [0, 1, 2, 3, 4].map((n) => `${id} ${n}`) })
      }
    }))
}
