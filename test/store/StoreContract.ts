/** Tests that every session store must pass. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Exit, Scope } from "effect"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeSessionLeases } from "../../src/backend/sessions/makeSessionLeases.ts"
import { type BackendError, ConnectionFailed } from "../../src/BackendError.ts"
import { PendingErasures } from "../../src/session/persistence/PendingErasures.ts"
import { type Claim, type SessionLease, SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PendingErasureFiles from "../../src/store/PendingErasureFiles.ts"
import { seeded } from "../recovery/seeded.ts"
import * as LossModel from "./LossModel.ts"
import type { Damage } from "./StoreDamage.ts"

type Store = SessionStore["Service"]

export interface Harness {
  /** A new owner on the same store; leases last `LEASE_MS`. */
  readonly owner: Effect.Effect<Store, BackendError, Scope.Scope>
  /** Advances the store's clock. */
  readonly pass: (ms: number) => Effect.Effect<void>
  readonly damage: Damage
}

export const LEASE_MS = 1_000

const empty = { head: "{}", items: [] }
let ids = 0
const newId = () => `ses_${process.pid}_${++ids}_${Math.trunc(performance.now())}`

const pick = <A>(values: ReadonlyArray<A>, random: () => number): A => values[Math.floor(random() * values.length)]!
const itemsOf = (claim: Claim) => claim._tag === "Claimed" ? claim.snapshot.items : claim._tag
const reason = (effect: Effect.Effect<void, BackendError>) =>
  Effect.match(effect, { onFailure: ({ details }) => details?.["reason"], onSuccess: () => "written" })

/** Writes whole sessions and parts of them. */
const writer = (store: Store, lease: SessionLease) => (from: number, ...items: ReadonlyArray<string>) =>
  reason(store.write(lease, { head: "{}", from, items }))

interface Options {
  /** Whether it knows how many items there should be. */
  readonly countsItems?: boolean
  /** How many stories of how many steps are played, and how long an owner has to give back what was lost. */
  readonly model?: { readonly rounds: number; readonly steps: number; readonly settleMs: number }
}

/** Declares the tests; `make` makes a new harness for each of them. */
export const tests = (
  make: Effect.Effect<Harness, unknown, Scope.Scope>,
  run: "effect" | "live",
  options: Options = {}
): void => {
  const test = (
    says: string,
    body: (harness: Harness) => Effect.Effect<void, unknown, Scope.Scope>,
    needs: { readonly countsItems?: boolean } = {}
  ) => {
    if (needs.countsItems === true && options.countsItems === false) return
    it[run](says, () => Effect.scoped(Effect.flatMap(make, body)), 180_000)
  }

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

  test("tells who has a session, and reads it, without taking it over", ({ damage, owner, pass }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      assert.notStrictEqual(a.owner, b.owner)
      const id = newId()
      assert.isUndefined(yield* b.locate(id))
      assert.isUndefined(yield* b.read(id))
      const lease = yield* a.create(id, { head: "{}", items: ["1", "2", "3"] }, 60_000)
      yield* a.write(lease, { head: "{\"n\":1}", from: 3, items: ["naïve ☂"] })
      const snapshot = { head: "{\"n\":1}", items: ["1", "2", "3", "naïve ☂"] }
      for (const store of [a, b]) {
        assert.deepStrictEqual(yield* store.locate(id), { owner: a.owner, live: true })
        assert.deepStrictEqual(yield* store.read(id), snapshot)
      }
      yield* pass(LEASE_MS + 100)
      assert.deepStrictEqual(yield* b.locate(id), { owner: a.owner, live: false })
      yield* a.renew
      assert.deepStrictEqual(yield* b.locate(id), { owner: a.owner, live: true })
      yield* a.write(lease, { head: "{}", from: 0, items: ["1", "2", "3"] })
      yield* a.releaseLease(lease)
      assert.deepStrictEqual(yield* b.locate(id), { owner: undefined, live: false })
      assert.deepStrictEqual(yield* b.read(id), { head: "{}", items: ["1", "2", "3"] })
      const claim = yield* b.claim(id)
      assert.deepStrictEqual(claim._tag === "Claimed" && claim.lease.fence, 2)
      assert.deepStrictEqual(yield* a.locate(id), { owner: b.owner, live: true })
      yield* damage.loseItems(id, 1)
      assert.deepStrictEqual((yield* a.read(id))?.items, ["1", "3"])
    }))

  test("erases sessions after their resume window, and only those", ({ owner, pass }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const [gone, stays] = [newId(), newId()]
      const lease = yield* a.create(gone, { head: "{}", items: ["1"] }, 500)
      yield* b.create(stays, empty, 60_000)
      yield* a.sweep
      assert.strictEqual((yield* b.claim(gone))._tag, "Held")
      yield* a.releaseLease(lease)
      assert.strictEqual(yield* b.sweep, 0)
      yield* pass(600)
      assert.isAtLeast(yield* b.sweep, 1)
      assert.deepStrictEqual(yield* b.claim(gone), { _tag: "Unknown" })
      assert.notStrictEqual((yield* a.claim(stays))._tag, "Unknown")
    }))

  test("spares the sessions of an owner that may only be cut off, until it was away for long", ({ damage, owner, pass }) =>
    Effect.gen(function*() {
      const { owners } = damage
      if (owners === undefined) return
      const [a, b] = yield* Effect.all([owner, owner])
      const id = newId()
      const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 500)
      yield* pass(LEASE_MS + 600)
      const count = (away: { readonly a: number; readonly b: number }) =>
        Effect.gen(function*() {
          yield* b.renew
          yield* owners.set(a.owner, { forMs: 3_600_000, agoMs: away.a * 1_000 })
          yield* owners.set(b.owner, { forMs: away.b * 1_000, agoMs: -LEASE_MS })
          return yield* b.sweep
        })
      // its resume window has passed long ago, but the 10 minutes have not, or not while the store was up
      assert.strictEqual(yield* b.sweep, 0)
      assert.strictEqual(yield* count({ a: 100, b: 3_600 }), 0)
      assert.strictEqual(yield* count({ a: 598, b: 3_600 }), 0)
      assert.strictEqual(yield* count({ a: 3_600, b: 1 }), 0)
      assert.strictEqual(yield* count({ a: 3_600, b: 598 }), 0)
      // it comes back, and has all of them
      yield* a.renew
      assert.strictEqual((yield* b.claim(id))._tag, "Held")
      assert.strictEqual(yield* writer(a, lease)(1, "2"), "written")
      assert.strictEqual(yield* count({ a: 602, b: 3_600 }), 1)
      assert.isUndefined(yield* b.locate(id))
    }))

  test("counts the time of an absence only while an owner renews its lease", ({ damage, owner, pass }) =>
    Effect.gen(function*() {
      const { owners } = damage
      if (owners === undefined) return
      const [a, b] = yield* Effect.all([owner, owner])
      yield* a.create(newId(), empty, 0)
      yield* b.renew
      yield* owners.set(a.owner, { forMs: 7_200_000, agoMs: 3_600_000 })
      yield* owners.set(b.owner, { forMs: 7_200_000, agoMs: -500 })
      yield* pass(600)
      // nobody has a lease
      assert.strictEqual(yield* b.sweep, 0)
      // the gap ends what was before
      yield* b.renew
      assert.strictEqual(yield* b.sweep, 0)
      yield* owners.set(b.owner, { forMs: 7_200_000, agoMs: -LEASE_MS })
      yield* pass(LEASE_MS / 2)
      // without a gap
      yield* b.renew
      assert.strictEqual(yield* b.sweep, 1)
    }))

  test("forgets owners that are gone and have no session, and no others", ({ damage, owner }) =>
    Effect.gen(function*() {
      const { owners } = damage
      if (owners === undefined) return
      const [a, b, c, d] = yield* Effect.all([owner, owner, owner, owner])
      yield* Effect.all([a.renew, b.renew, c.renew, d.renew])
      yield* b.create(newId(), empty, 60_000)
      for (const { owner } of [a, b]) yield* owners.set(owner, { forMs: 200_000, agoMs: 100_000 })
      yield* owners.set(c.owner, { forMs: 200_000, agoMs: 30_000 })
      yield* d.sweep
      assert.deepStrictEqual((yield* owners.all).toSorted(), [b.owner, c.owner, d.owner].toSorted())
      yield* a.renew
      assert.include(yield* owners.all, a.owner)
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

  const losses: Record<string, (damage: Damage, id: string) => Effect.Effect<void>> = {
    "everything": ({ loseAll }) => loseAll,
    "a session": ({ loseSession }, id) => loseSession(id),
    "the items of a session": ({ loseItems }, id) => loseItems(id),
    "an item in the middle": ({ loseItems }, id) => loseItems(id, 1),
    "the owner of a session": ({ loseOwner }, id) => loseOwner(id)
  }
  for (const [what, lose] of Object.entries(losses)) {
    test(`lets the owner store a session as a whole again after it has lost ${what}`, ({ damage, owner }) =>
      Effect.gen(function*() {
        const [a, b] = yield* Effect.all([owner, owner])
        const id = newId()
        const lease = yield* a.create(id, { head: "{}", items: ["1", "2", "3"] }, 60_000)
        const write = writer(a, lease)
        yield* lose(damage, id)
        assert.strictEqual(yield* write(3, "4"), "gap")
        assert.deepStrictEqual((yield* a.listOwned).filter((owned) => owned.items === 3), [])
        assert.strictEqual(yield* write(0, "1", "2", "3", "4"), "written")
        assert.deepStrictEqual(yield* a.listOwned, [{ id, fence: 1, items: 4 }])
        assert.strictEqual((yield* b.claim(id))._tag, "Held")
        yield* a.renew
        yield* a.releaseLease(lease)
        assert.deepStrictEqual(itemsOf(yield* b.claim(id)), ["1", "2", "3", "4"])
      }))
  }

  test("lets the owner store a session again after it was set back to an older copy", ({ damage, owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const [older, newer] = [newId(), newId()]
      const lease = yield* a.create(older, { head: "{}", items: ["1"] }, 60_000)
      const setBack = yield* damage.copy
      const later = yield* a.create(newer, { head: "{}", items: ["1", "2"] }, 60_000)
      assert.strictEqual(yield* writer(a, lease)(1, "2", "3"), "written")
      yield* setBack
      assert.deepStrictEqual(yield* a.listOwned, [{ id: older, fence: 1, items: 1 }])
      assert.strictEqual(yield* writer(a, lease)(3, "4"), "gap")
      assert.strictEqual(yield* writer(a, later)(2, "3"), "gap")
      assert.strictEqual(yield* writer(a, lease)(0, "1", "2", "3", "4"), "written")
      assert.strictEqual(yield* writer(a, later)(0, "1", "2", "3"), "written")
      yield* a.releaseAll
      assert.deepStrictEqual(itemsOf(yield* b.claim(older)), ["1", "2", "3", "4"])
      assert.deepStrictEqual(itemsOf(yield* b.claim(newer)), ["1", "2", "3"])
    }))

  test("gives a session back to its newest owner, and refuses former ones, whatever was lost", ({ damage, owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const id = newId()
      const former = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
      const setBack = yield* damage.copy
      yield* a.releaseLease({ ...former })
      const claim = yield* b.claim(id)
      assert.isTrue(claim._tag === "Claimed")
      if (claim._tag !== "Claimed") return
      for (const lose of [setBack, damage.loseAll]) {
        yield* lose
        // the former owner comes first: it cannot know better
        yield* writer(a, former)(0, "old")
        assert.strictEqual(yield* writer(b, claim.lease)(1, "2"), "gap")
        assert.strictEqual(yield* writer(b, claim.lease)(0, "1", "2"), "written")
        assert.strictEqual(yield* writer(a, former)(0, "old"), "fenced")
        assert.deepStrictEqual(yield* b.listOwned, [{ id, fence: 2, items: 2 }])
        assert.deepStrictEqual(yield* a.listOwned, [])
      }
      // nor does an older copy outlive the session
      yield* setBack
      yield* b.remove(claim.lease)
      assert.strictEqual(yield* damage.count, 0)
    }))

  test("stores nothing again with a lease that has ended", ({ damage, owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const [removed, released, undone] = [newId(), newId(), newId()]
      const one = yield* a.create(removed, empty, 60_000)
      const two = yield* a.create(released, empty, 60_000)
      yield* b.releaseLease(yield* b.create(undone, empty, 60_000))
      const claim = yield* a.claim(undone)
      assert.isTrue(claim._tag === "Claimed")
      if (claim._tag !== "Claimed") return
      yield* a.remove(one)
      yield* a.releaseLease(two)
      yield* a.undoClaim(claim.lease)
      yield* damage.loseAll
      for (const lease of [one, two, claim.lease]) {
        assert.strictEqual(yield* writer(a, lease)(0, "1"), "fenced")
      }
      assert.strictEqual(yield* damage.count, 0)
    }))

  test("stores a session that was claimed and given back no longer than one that was not", ({ damage, owner, pass }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const id = newId()
      yield* a.releaseLease(yield* a.create(id, { head: "{}", items: ["1"] }, 2_000))
      for (let i = 0; i < 4; i++) {
        yield* pass(400)
        const claim = yield* b.claim(id)
        assert.strictEqual(claim._tag, "Claimed")
        if (claim._tag === "Claimed") yield* b.undoClaim(claim.lease)
      }
      assert.deepStrictEqual(yield* b.listOwned, [])
      yield* pass(500)
      yield* b.sweep
      assert.strictEqual(yield* damage.count, 0)
    }))

  test(
    "reports items of a claimed session that are missing or do not belong to it",
    ({ damage, owner }) =>
      Effect.gen(function*() {
        const [a, b] = yield* Effect.all([owner, owner])
        const id = newId()
        yield* a.releaseLease(yield* a.create(id, { head: "{}", items: ["1", "2", "3"] }, 60_000))
        yield* damage.addItem(id, "foreign")
        const claim = yield* b.claim(id)
        assert.strictEqual(claim._tag, "Claimed")
        if (claim._tag !== "Claimed") return
        assert.deepStrictEqual(claim.damage, { missing: 0, surplus: 1 })
        assert.deepStrictEqual(claim.snapshot.items, ["1", "2", "3"])
        yield* b.write(claim.lease, { head: "{}", from: 0, items: ["1", "2", "3"] })
        yield* damage.loseItems(id, 1)
        yield* b.releaseLease(claim.lease)
        const again = yield* a.claim(id)
        assert.deepStrictEqual(again._tag === "Claimed" && [again.snapshot.items, again.damage], [
          ["1", "3"],
          { missing: 1, surplus: 0 }
        ])
      }),
    { countsItems: true }
  )

  test("erases a session that has ended though it has lost the owner", ({ damage, owner }) =>
    Effect.gen(function*() {
      const a = yield* owner
      const id = newId()
      const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
      yield* damage.loseOwner(id)
      yield* a.remove(lease)
      assert.strictEqual(yield* damage.count, 0)
    }))

  test("lists a session without a head as lost", ({ damage, owner }) =>
    Effect.gen(function*() {
      const a = yield* owner
      const id = newId()
      const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
      yield* damage.loseHead(id)
      assert.deepStrictEqual(yield* a.listOwned, [])
      assert.strictEqual(yield* writer(a, lease)(1), "written")
      assert.deepStrictEqual(yield* a.listOwned, [{ id, fence: 1, items: 1 }])
    }))

  test("gets its secrets back from owners that know them, the first of them first", ({ damage, owner }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([owner, owner])
      const name = newId()
      assert.strictEqual(yield* a.secret(name, "one"), "one")
      assert.deepStrictEqual(yield* b.shareSecrets(name, ["one"]), ["one"])
      yield* damage.loseAll
      // another owner comes first
      assert.strictEqual(yield* b.secret(name, "two"), "two")
      assert.deepStrictEqual(yield* a.shareSecrets(name, ["one"]), ["two", "one"])
      assert.deepStrictEqual(yield* b.shareSecrets(name, ["two"]), ["two", "one"])
      const many = Array.from({ length: 20 }, (_, i) => `more ${i}`)
      const all = yield* Effect.forEach(many, (each) => a.shareSecrets(name, [each]), { concurrency: 4 })
      assert.isAtMost(Math.max(...all.map(({ length }) => length)), 8)
      assert.strictEqual(yield* b.secret(name, "three"), "two")
      assert.strictEqual(yield* b.secret(newId(), "other"), "other")
    }))

  test("erases, with the next process, what ended while it was away until the process had ended, too", ({ damage, owner, pass }) =>
    Effect.gen(function*() {
      const directory = mkdtempSync(join(tmpdir(), "effect-voice-ended-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
      const away = Effect.fail(new ConnectionFailed({ op: "test", message: "the store is away" }))
      /** A process, and what takes its store away. */
      const start = Effect.gen(function*() {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const inner = yield* Scope.provide(owner, scope)
        let isAway = false
        const guard = <A>(effect: Effect.Effect<A, BackendError>) => Effect.suspend(() => isAway ? away : effect)
        const store = SessionStore.of({
          ...inner,
          claim: (id) => guard(inner.claim(id)),
          releaseAll: guard(inner.releaseAll),
          remove: (lease) => guard(inner.remove(lease)),
          renew: guard(inner.renew)
        })
        const leases = yield* makeSessionLeases.pipe(
          Effect.provideService(SessionStore, store),
          Effect.provideService(PendingErasures, PendingErasureFiles.make(directory)),
          Scope.provide(scope)
        )
        const setAway = (away: boolean) => {
          isAway = away
        }
        return { leases, setAway, exit: Scope.close(scope, Exit.void) }
      })
      const [a, other] = [yield* start, yield* start]
      const [ended, left] = [newId(), newId()]
      for (const id of [ended, left]) {
        yield* a.leases.begin(id, { head: "{}", items: [] }, Duration.minutes(10))
      }
      a.setAway(true)
      yield* a.leases.end(ended)
      yield* a.exit
      yield* pass(LEASE_MS + 100)
      // another process that runs, and one that is started while the store is away
      other.setAway(true)
      assert.strictEqual((yield* Effect.flip(other.leases.claim(ended))).code, "session_not_found")
      other.setAway(false)
      const b = yield* start
      assert.strictEqual((yield* Effect.flip(b.leases.claim(ended))).code, "session_not_found")
      // the one that did not end can be resumed, if it can be read
      assert.strictEqual((yield* Effect.flip(b.leases.claim(left))).code, "pipeline_error")
      for (let i = 0; i < 12 && (yield* damage.count) > 1; i++) yield* pass(LEASE_MS / 2)
      assert.strictEqual(yield* damage.count, 1)
      assert.strictEqual((yield* (yield* owner).claim(ended))._tag, "Unknown")
      yield* Effect.andThen(other.exit, b.exit)
      assert.deepStrictEqual(readdirSync(directory), [])
    }))

  stories(make, run, options)
}

/** Plays stories of losses: random ones, always the same. */
export const stories = (
  make: Effect.Effect<Harness, unknown, Scope.Scope>,
  run: "effect" | "live",
  { countsItems, model: { rounds, settleMs, steps } = { rounds: 1, settleMs: 4_000, steps: 12 } }: Options = {}
): void => {
  const partial: ReadonlySet<LossModel.Step> = new Set<LossModel.Step>(["lose an item", "add an item"])
  const possible = LossModel.steps.filter((step) => countsItems !== false || !partial.has(step))
  const play = Effect.fnUntraced(function*(harness: Harness, round: number) {
    const seed = `${process.env["LOSS_SEED"] ?? "losses"} ${round}`
    const random = seeded(seed)
    const script = Array.from({ length: steps }, () => pick(possible, random))
    yield* LossModel.run(harness, newId(), script, settleMs).pipe(
      Effect.scoped,
      Effect.tapCause(() => Effect.sync(() => process.stderr.write(`seed "${seed}": ${script.join(", ")}\n`)))
    )
    yield* harness.damage.loseAll
  })
  it[run](
    `loses nothing that an owner holds, in stories of losses, older copies, outages and hand-overs (${rounds})`,
    () =>
      Effect.scoped(
        Effect.flatMap(make, (harness) =>
          Effect.forEach(
            Array.from({ length: rounds }, (_, round) => round),
            (round) => play(harness, round)
          ))
      ),
    180_000 + rounds * 60_000
  )
}
