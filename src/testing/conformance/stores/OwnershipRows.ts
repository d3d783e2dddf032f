/**
 * Rows of a session store that loses nothing: what is stored, who has it, and for how long.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { MAX_HEAD_BYTES, MAX_ITEM_BYTES, MAX_SECRETS } from "../../../session/persistence/SessionStore.ts"
import { assertEqual, assertFailsWith, assertThat } from "../Assertions.ts"
import { claimed, empty, leasing, row, type StoreRow, tagOf, two, write } from "./StoreUnderTest.ts"

const stored: ReadonlyArray<StoreRow> = [
  row(
    "store.Snapshot",
    "stores head and items in order, and returns them to whoever claims the session",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        const text = JSON.stringify({ text: "naïve ☂ 𝄞 \u0000 \" ' $1 %s", nested: "x".repeat(40_000) })
        const lease = yield* a.create(id, { head: text, items: ["1", text] }, 60_000)
        yield* assertEqual(lease, { id, fence: 1 }, "the lease of a new session")
        yield* a.write(lease, { head: "{\"n\":1}", from: 1, items: ["2", "3", text] })
        yield* a.write(lease, { head: "{\"n\":2}", from: 2, items: [] })
        yield* a.write(lease, { head: "{\"n\":3}", from: 2, items: [text] })
        yield* a.releaseLease(lease)
        const claim = yield* claimed(b, id)
        yield* assertEqual(claim.lease, { id, fence: 2 }, "the lease of who took it over")
        yield* assertEqual(claim.snapshot, { head: "{\"n\":3}", items: ["1", "2", text] }, "what was stored last")
        yield* assertEqual(claim.damage, undefined, "the damage of a session of which nothing was lost")
      })
  ),
  row(
    "store.Refusals",
    "refuses an id that is taken, items after a gap, and what is too large",
    (part) =>
      Effect.gen(function*() {
        const a = yield* part.owner
        const id = part.newId()
        const lease = yield* a.create(id, empty, 60_000)
        yield* assertFailsWith("invalid_config", a.create(id, empty, 60_000))
        for (const from of [1, -1, 0.5]) {
          const gap = yield* assertFailsWith("invalid_config", a.write(lease, { head: "{}", from, items: ["1"] }))
          yield* assertEqual(
            gap.details?.["reason"],
            "gap",
            `details.reason of a write from ${from} to an empty session`
          )
        }
        // two bytes each
        const largest = { head: "é".repeat(MAX_HEAD_BYTES / 2), items: ["ß".repeat(MAX_ITEM_BYTES / 2)] }
        yield* a.write(lease, { ...largest, from: 0 })
        yield* assertThat(
          (yield* a.read(id))?.head === largest.head,
          `a head of ${MAX_HEAD_BYTES} bytes is stored as it is`
        )
        for (
          const change of [{ ...empty, head: `${largest.head}h` }, { head: "{}", items: [`${largest.items[0]}i`] }]
        ) {
          for (const refused of [a.write(lease, { ...change, from: 0 }), a.create(part.newId(), change, 1)]) {
            const error = yield* assertFailsWith("invalid_config", refused)
            yield* assertEqual(error.details?.["reason"], "too_large", "details.reason of what is a byte too large")
          }
        }
      })
  ),
  row(
    "store.Locate",
    "tells who has a session, and reads it, without taking it over",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        yield* assertThat(a.owner !== b.owner, "each instance of the service has an owner's name of its own")
        const id = part.newId()
        yield* assertEqual(yield* b.locate(id), undefined, "locating an id of no session")
        yield* assertEqual(yield* b.read(id), undefined, "reading an id of no session")
        const lease = yield* a.create(id, { head: "{}", items: ["1", "2", "3"] }, 60_000)
        yield* a.write(lease, { head: "{\"n\":1}", from: 3, items: ["naïve ☂"] })
        for (const store of [a, b]) {
          yield* a.renew
          yield* assertEqual(yield* store.locate(id), { owner: a.owner, live: true }, "who has it")
          yield* assertEqual(
            yield* store.read(id),
            { head: "{\"n\":1}", items: ["1", "2", "3", "naïve ☂"] },
            "what is read of it"
          )
        }
        yield* part.pass(part.leaseMs + 100)
        yield* assertEqual(
          yield* b.locate(id),
          { owner: a.owner, live: false },
          "who has it when the lease has run out"
        )
        yield* a.renew
        yield* assertEqual(yield* b.locate(id), { owner: a.owner, live: true }, "who has it after a late renewal")
        yield* a.write(lease, { head: "{}", from: 0, items: ["1", "2", "3"] })
        yield* a.releaseLease(lease)
        yield* assertEqual(yield* b.locate(id), { owner: undefined, live: false }, "who has it after its release")
        yield* assertEqual(yield* b.read(id), { head: "{}", items: ["1", "2", "3"] }, "what is read after its release")
        yield* assertEqual((yield* claimed(b, id)).lease.fence, 2, "the fence after one takeover")
        yield* assertEqual(yield* a.locate(id), { owner: b.owner, live: true }, "who has it after a takeover")
      })
  ),
  row("store.Owned", "lists the sessions that it has of an owner, and no others", (part) =>
    Effect.gen(function*() {
      const [a, b] = yield* two(part)
      const [one, other] = [part.newId(), part.newId()]
      const lease = yield* a.create(one, { head: "{}", items: ["1", "2"] }, 60_000)
      yield* b.create(other, empty, 60_000)
      yield* assertEqual(yield* a.listOwned, [{ id: one, fence: 1, items: 2 }], "the sessions of an owner")
      yield* a.remove(lease)
      yield* assertEqual(yield* a.listOwned, [], "the sessions of an owner that has removed its only one")
      yield* assertEqual(yield* tagOf(b, one), "Unknown", "claiming a session that was removed")
      yield* assertEqual(yield* a.read(one), undefined, "reading a session that was removed")
      yield* assertEqual(yield* tagOf(a, other), "Held", "claiming the session of the other owner")
    })),
  row(
    "store.Secrets",
    "gives all owners the first secret that one of them offered, and answers the probe",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const name = part.newId()
        const offers = yield* Effect.all([a.secret(name, "one"), b.secret(name, "two")], { concurrency: 2 })
        yield* assertThat(offers[0] === offers[1], `two owners that offer a secret at once get the same: ${offers}`)
        yield* assertThat(offers[0] === "one" || offers[0] === "two", "it is one that was offered")
        yield* assertEqual(yield* b.secret(part.newId(), "other"), "other", "a secret of another name")
        yield* assertEqual(yield* a.shareSecrets(name, [offers[0]]), [offers[0]], "a secret that is shared twice")
        const many = Array.from({ length: 20 }, (_, i) => `more ${i}`)
        const all = yield* Effect.forEach(many, (each) => a.shareSecrets(name, [each]), { concurrency: 4 })
        const most = Math.max(...all.map(({ length }) => length))
        yield* assertThat(
          most <= MAX_SECRETS,
          `at most ${MAX_SECRETS} secrets are stored under a name, and not ${most}`
        )
        yield* assertEqual(yield* b.secret(name, "three"), offers[0], "the first secret after others were shared")
        yield* a.probe
      })
  )
]

const owned: ReadonlyArray<StoreRow> = [
  row(
    "store.Fence",
    "has one owner: held while its lease is renewed, fenced after a takeover",
    (part) =>
      Effect.gen(function*() {
        const { leaseMs, pass } = part
        const [a, b] = yield* two(part)
        const id = part.newId()
        const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
        yield* assertEqual(a.leaseMs, leaseMs, "leaseMs of the owner")
        const held = yield* b.claim(id)
        yield* assertEqual(held._tag, "Held", "claiming a session of another owner")
        yield* assertThat(
          held._tag === "Held" && held.forMs > 0 && held.forMs <= leaseMs,
          "forMs is what is left of the lease"
        )
        yield* assertEqual(yield* tagOf(a, id), "Held", "claiming a session of one's own")
        for (let i = 0; i < 4; i++) {
          yield* pass(leaseMs / 2)
          yield* a.renew
        }
        yield* assertEqual(yield* tagOf(b, id), "Held", "claiming a session whose owner renews its lease")
        yield* pass(leaseMs + 100)
        const claim = yield* claimed(b, id)
        yield* assertEqual(claim.lease.fence, 2, "the fence after a takeover")
        yield* assertEqual(yield* write(a, lease, 0), "fenced", "a write of the former owner")
        const error = yield* assertFailsWith("session_not_found", a.write(lease, { head: "{}", from: 0, items: [] }))
        yield* assertEqual(error.details?.["reason"], "fenced", "details.reason of a write of the former owner")
        // the former owner's operations change nothing
        yield* a.remove(lease)
        yield* a.releaseLease(lease)
        yield* a.releaseAll
        yield* a.renew
        yield* assertEqual(yield* tagOf(a, id), "Held", "claiming after the former owner has tried to let it go")
        yield* assertEqual(claim.snapshot, { head: "{}", items: ["1"] }, "what the former owner had stored")
        yield* b.write(claim.lease, { head: "{}", from: 1, items: ["2"] })
        yield* b.remove(claim.lease)
        yield* assertEqual(yield* tagOf(a, id), "Unknown", "claiming a session that has ended")
      })
  ),
  row("store.Release", "releases the given session, and no other", (part) =>
    Effect.gen(function*() {
      const [a, b] = yield* two(part)
      const [one, another, others] = [part.newId(), part.newId(), part.newId()]
      const lease = yield* a.create(one, empty, 60_000)
      yield* a.create(another, empty, 60_000)
      yield* b.create(others, empty, 60_000)
      yield* b.releaseLease({ ...lease, fence: 2 })
      yield* assertEqual(
        yield* tagOf(b, one),
        "Held",
        "claiming what another owner has released with a lease of its own making"
      )
      yield* a.releaseLease(lease)
      yield* assertEqual(yield* tagOf(b, one), "Claimed", "claiming a session that was released")
      yield* assertEqual(yield* tagOf(b, another), "Held", "claiming another session of that owner")
      yield* assertEqual(yield* write(a, lease, 0), "fenced", "a write with a lease that was released")
      yield* a.releaseAll
      yield* assertEqual(yield* tagOf(b, another), "Claimed", "claiming after all of that owner were released")
      yield* assertEqual(yield* tagOf(a, others), "Held", "claiming a session of another owner than that")
    })),
  row(
    "store.UndoClaim",
    "stores a session that was claimed and given back no longer than one that was not",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        yield* a.releaseLease(yield* a.create(id, { head: "{}", items: ["1"] }, 2_000))
        for (let i = 0; i < 4; i++) {
          yield* part.pass(400)
          const { lease } = yield* claimed(b, id)
          yield* b.undoClaim(lease)
          yield* assertEqual(yield* write(b, lease, 0), "fenced", "a write with a lease that was given back")
        }
        yield* assertEqual(yield* b.listOwned, [], "the sessions of an owner that has given back its only one")
        yield* assertThat((yield* a.read(id)) !== undefined, "it is there before its resume window is over")
        yield* part.pass(500)
        yield* b.sweep
        yield* assertEqual(yield* a.read(id), undefined, "reading it when its resume window is over, after a sweep")
      })
  ),
  row("store.Sweep", "erases sessions after their resume window, and only those", (part) =>
    Effect.gen(function*() {
      const [a, b] = yield* two(part)
      const [gone, stays] = [part.newId(), part.newId()]
      const lease = yield* a.create(gone, { head: "{}", items: ["1"] }, 500)
      yield* b.create(stays, empty, 60_000)
      yield* a.sweep
      yield* assertEqual(yield* tagOf(b, gone), "Held", "claiming a session of another owner after a sweep")
      yield* a.releaseLease(lease)
      yield* assertEqual(yield* b.sweep, 0, "how many a sweep erases within the resume window")
      yield* part.pass(600)
      yield* assertEqual(yield* b.sweep, 1, "how many a sweep erases after the resume window")
      yield* assertEqual(yield* tagOf(b, gone), "Unknown", "claiming a session that was swept")
      yield* assertThat((yield* tagOf(a, stays)) !== "Unknown", "the session with an owner is still there")
    })),
  row(
    "store.Race",
    "gives a session to exactly one of two owners that claim it at once, 200 times",
    (part) =>
      Effect.gen(function*() {
        const [a, b, c] = yield* Effect.all([part.owner, part.owner, part.owner])
        yield* Effect.forEach(
          Array.from({ length: 200 }, part.newId),
          (id) =>
            Effect.gen(function*() {
              yield* a.releaseLease(yield* a.create(id, empty, 60_000))
              const tags = yield* Effect.all([tagOf(b, id), tagOf(c, id)], { concurrency: 2 })
              yield* assertEqual(tags.toSorted(), ["Claimed", "Held"], "two claims at once")
            }),
          { concurrency: 20, discard: true }
        )
      })
  ),
  row(
    "store.Concurrency",
    "takes a hundred sessions that are written at once, each of them in order",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const all = Array.from({ length: 100 }, part.newId)
        yield* Effect.forEach(all, (id) =>
          Effect.gen(function*() {
            const lease = yield* a.create(id, empty, 60_000)
            for (let n = 0; n < 5; n++) yield* a.write(lease, { head: `${n}`, from: n, items: [`${id} ${n}`] })
            yield* a.releaseLease(lease)
          }), { concurrency: "unbounded", discard: true })
        for (const id of all) {
          const items = [0, 1, 2, 3, 4].map((n) => `${id} ${n}`)
          yield* assertEqual((yield* claimed(b, id)).snapshot, { head: "4", items }, "what was written of a session")
        }
      })
  )
]

const absence: ReadonlyArray<StoreRow> = [
  leasing(
    "store.Absence",
    "spares the sessions of an owner that may only be cut off, until it was away for long",
    (part) =>
      Effect.gen(function*() {
        const { leaseMs, leases } = part
        const [a, b] = yield* two(part)
        const id = part.newId()
        const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 500)
        yield* part.pass(leaseMs + 600)
        const sweepAfter = (away: number, up: number) =>
          Effect.gen(function*() {
            yield* b.renew
            yield* leases.set(a.owner, { forMs: 3_600_000, agoMs: away * 1_000 })
            yield* leases.set(b.owner, { forMs: up * 1_000, agoMs: -leaseMs })
            return yield* b.sweep
          })
        // its resume window has passed long ago, but the 10 minutes have not, or not while the store was up
        yield* assertEqual(yield* b.sweep, 0, "a sweep just after the lease has run out")
        for (const [away, up] of [[100, 3_600], [598, 3_600], [3_600, 1], [3_600, 598]] as const) {
          yield* assertEqual(
            yield* sweepAfter(away, up),
            0,
            `a sweep when the owner is away for ${away} s, and another has reached the store for ${up} s`
          )
        }
        // it comes back, and has all of them
        yield* a.renew
        yield* assertEqual(yield* tagOf(b, id), "Held", "claiming a session whose owner came back")
        yield* assertEqual(yield* write(a, lease, 1, "2"), "written", "a write of an owner that came back")
        yield* assertEqual(yield* sweepAfter(602, 3_600), 1, "a sweep after 10 minutes")
        yield* assertEqual(yield* b.locate(id), undefined, "locating a session that was swept")
      })
  ),
  leasing(
    "store.Absence.Gap",
    "counts the time of an absence only while an owner renews its lease",
    (part) =>
      Effect.gen(function*() {
        const { leaseMs, leases } = part
        const [a, b] = yield* two(part)
        yield* a.create(part.newId(), empty, 0)
        yield* b.renew
        yield* leases.set(a.owner, { forMs: 7_200_000, agoMs: 3_600_000 })
        yield* leases.set(b.owner, { forMs: 7_200_000, agoMs: -500 })
        yield* part.pass(600)
        yield* assertEqual(yield* b.sweep, 0, "a sweep when nobody has a lease")
        yield* b.renew
        yield* assertEqual(yield* b.sweep, 0, "a sweep after a gap, which ends what was before")
        yield* leases.set(b.owner, { forMs: 7_200_000, agoMs: -leaseMs })
        yield* part.pass(leaseMs / 2)
        yield* b.renew
        yield* assertEqual(yield* b.sweep, 1, "a sweep after renewals without a gap")
      })
  ),
  leasing(
    "store.Owners",
    "forgets owners that are gone and have no session, and no others",
    (part) =>
      Effect.gen(function*() {
        const { leases, owner } = part
        const [a, b, c, d] = yield* Effect.all([owner, owner, owner, owner])
        yield* Effect.all([a.renew, b.renew, c.renew, d.renew])
        yield* b.create(part.newId(), empty, 60_000)
        for (const { owner } of [a, b]) yield* leases.set(owner, { forMs: 200_000, agoMs: 100_000 })
        yield* leases.set(c.owner, { forMs: 200_000, agoMs: 30_000 })
        yield* d.sweep
        yield* assertEqual(
          (yield* leases.all).toSorted(),
          [b.owner, c.owner, d.owner].toSorted(),
          "the owners that are known after a sweep"
        )
        yield* a.renew
        yield* assertThat((yield* leases.all).includes(a.owner), "an owner that renews its lease is known again")
      })
  )
]

/**
 * The rows of a store that loses nothing.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<StoreRow> = [...stored, ...owned, ...absence]
