/**
 * Rows of a session store that has lost what was written: its owner gives it back.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { assertEqual } from "../Assertions.ts"
import * as Case from "../Case.ts"
import { claimed, damaging, empty, type StoreDamage, type StoreRow, tagOf, two, write } from "./StoreUnderTest.ts"

const losses: {
  readonly [id: string]: readonly [what: string, lose: (damage: StoreDamage, id: string) => Effect.Effect<void>]
} = {
  All: ["everything", ({ loseAll }) => loseAll],
  Session: ["a session", ({ loseSession }, id) => loseSession(id)],
  Items: ["the items of a session", ({ loseItems }, id) => loseItems(id)],
  Item: ["an item in the middle", ({ loseItems }, id) => loseItems(id, 1)],
  Owner: ["the owner of a session", ({ loseOwner }, id) => loseOwner(id)]
}

const lost = Object.entries(losses).map(([name, [what, lose]]): StoreRow =>
  damaging(
    `store.Lost.${name}`,
    `lets the owner store a session as a whole again after it has lost ${what}`,
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const id = part.newId()
        const lease = yield* a.create(id, { head: "{}", items: ["1", "2", "3"] }, 60_000)
        yield* lose(part.damage, id)
        yield* assertEqual(yield* write(a, lease, 3, "4"), "gap", "a write after what was lost")
        yield* assertEqual(
          (yield* a.listOwned).filter(({ items }) => items === 3),
          [],
          "the sessions that are listed as if they were whole"
        )
        yield* assertEqual(yield* write(a, lease, 0, "1", "2", "3", "4"), "written", "a write of the whole")
        yield* assertEqual(yield* a.listOwned, [{ id, fence: 1, items: 4 }], "the sessions of the owner afterwards")
        yield* assertEqual(yield* tagOf(b, id), "Held", "claiming it")
        yield* a.renew
        yield* a.releaseLease(lease)
        yield* assertEqual((yield* claimed(b, id)).snapshot.items, ["1", "2", "3", "4"], "its items")
      })
  )
)

/**
 * The rows of a store that has lost what was written.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<StoreRow> = [
  ...lost,
  damaging(
    "store.SetBack",
    "lets the owner store a session again after it was set back to an older copy",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const [older, newer] = [part.newId(), part.newId()]
        const lease = yield* a.create(older, { head: "{}", items: ["1"] }, 60_000)
        const setBack = yield* part.damage.copy
        const later = yield* a.create(newer, { head: "{}", items: ["1", "2"] }, 60_000)
        yield* assertEqual(yield* write(a, lease, 1, "2", "3"), "written", "a write after the copy")
        yield* setBack
        yield* assertEqual(yield* a.listOwned, [{ id: older, fence: 1, items: 1 }], "what the copy has")
        yield* assertEqual(yield* write(a, lease, 3, "4"), "gap", "a write after items that the copy has not")
        yield* assertEqual(yield* write(a, later, 2, "3"), "gap", "a write to a session that the copy has not")
        yield* assertEqual(yield* write(a, lease, 0, "1", "2", "3", "4"), "written", "the whole of the older session")
        yield* assertEqual(yield* write(a, later, 0, "1", "2", "3"), "written", "the whole of the newer session")
        yield* a.releaseAll
        yield* assertEqual((yield* claimed(b, older)).snapshot.items, ["1", "2", "3", "4"], "the older session")
        yield* assertEqual((yield* claimed(b, newer)).snapshot.items, ["1", "2", "3"], "the newer session")
      })
  ),
  damaging(
    "store.Newest",
    "gives a session back to its newest owner, and refuses former ones, whatever was lost",
    (part) =>
      Effect.gen(function*() {
        const { damage } = part
        const [a, b] = yield* two(part)
        const id = part.newId()
        const former = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
        const setBack = yield* damage.copy
        yield* a.releaseLease({ ...former })
        const { lease } = yield* claimed(b, id)
        for (const lose of [setBack, damage.loseAll]) {
          yield* lose
          // the former owner comes first: it cannot know better
          yield* write(a, former, 0, "old")
          yield* assertEqual(yield* write(b, lease, 1, "2"), "gap", "a part of the newest owner's")
          yield* assertEqual(yield* write(b, lease, 0, "1", "2"), "written", "the whole of the newest owner's")
          yield* assertEqual(yield* write(a, former, 0, "old"), "fenced", "a write of the former owner after it")
          yield* assertEqual(yield* b.listOwned, [{ id, fence: 2, items: 2 }], "the sessions of the newest owner")
          yield* assertEqual(yield* a.listOwned, [], "the sessions of the former owner")
        }
        // nor does an older copy outlive the session
        yield* setBack
        yield* b.remove(lease)
        yield* assertEqual(yield* damage.count, 0, "sessions in the store after the newest owner has removed it")
      })
  ),
  damaging("store.EndedLease", "stores nothing again with a lease that has ended", (part) =>
    Effect.gen(function*() {
      const { damage } = part
      const [a, b] = yield* two(part)
      const [removed, released, undone] = [part.newId(), part.newId(), part.newId()]
      const one = yield* a.create(removed, empty, 60_000)
      const other = yield* a.create(released, empty, 60_000)
      yield* b.releaseLease(yield* b.create(undone, empty, 60_000))
      const { lease } = yield* claimed(a, undone)
      yield* a.remove(one)
      yield* a.releaseLease(other)
      yield* a.undoClaim(lease)
      yield* damage.loseAll
      for (const [what, ended] of [["removed", one], ["released", other], ["given back", lease]] as const) {
        yield* assertEqual(yield* write(a, ended, 0, "1"), "fenced", `a write with a lease that was ${what}`)
      }
      yield* assertEqual(yield* damage.count, 0, "sessions in the store")
    })),
  damaging(
    "store.Damage",
    "reports items of a claimed session that are missing or do not belong to it",
    (part) =>
      Effect.gen(function*() {
        const { damage } = part
        const [a, b] = yield* two(part)
        const id = part.newId()
        yield* a.releaseLease(yield* a.create(id, { head: "{}", items: ["1", "2", "3"] }, 60_000))
        if (!part.countsItems) return yield* Case.skip("the store does not count items")
        yield* damage.addItem(id, "foreign")
        const claim = yield* claimed(b, id)
        yield* assertEqual(claim.damage, { missing: 0, surplus: 1 }, "the damage of a surplus item")
        yield* assertEqual(claim.snapshot.items, ["1", "2", "3"], "the items without the surplus one")
        yield* b.write(claim.lease, { head: "{}", from: 0, items: ["1", "2", "3"] })
        yield* damage.loseItems(id, 1)
        yield* assertEqual((yield* a.read(id))?.items, ["1", "3"], "what is read without the missing item")
        yield* b.releaseLease(claim.lease)
        const again = yield* claimed(a, id)
        yield* assertEqual(again.damage, { missing: 1, surplus: 0 }, "the damage of a missing item")
        yield* assertEqual(again.snapshot.items, ["1", "3"], "the items without the missing one")
      })
  ),
  damaging(
    "store.Remove",
    "erases a session that has ended though it has lost its owner",
    (part) =>
      Effect.gen(function*() {
        const a = yield* part.owner
        const id = part.newId()
        const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
        yield* part.damage.loseOwner(id)
        yield* a.remove(lease)
        yield* assertEqual(yield* part.damage.count, 0, "sessions in the store")
      })
  ),
  damaging("store.Lost.Head", "lists a session without a head as lost", (part) =>
    Effect.gen(function*() {
      const a = yield* part.owner
      const id = part.newId()
      const lease = yield* a.create(id, { head: "{}", items: ["1"] }, 60_000)
      yield* part.damage.loseHead(id)
      yield* assertEqual(yield* a.listOwned, [], "the sessions with a head")
      yield* assertEqual(yield* write(a, lease, 1), "written", "a write of the head")
      yield* assertEqual(yield* a.listOwned, [{ id, fence: 1, items: 1 }], "the sessions with a head afterwards")
    })),
  damaging(
    "store.Lost.Secrets",
    "gets its secrets back from owners that know them, the first of them first",
    (part) =>
      Effect.gen(function*() {
        const [a, b] = yield* two(part)
        const name = part.newId()
        yield* assertEqual(yield* a.secret(name, "one"), "one", "the first secret that was offered")
        yield* assertEqual(yield* b.shareSecrets(name, ["one"]), ["one"], "the secrets")
        yield* part.damage.loseAll
        // another owner comes first
        yield* assertEqual(yield* b.secret(name, "two"), "two", "the first secret that was offered after the loss")
        for (const [store, known] of [[a, "one"], [b, "two"]] as const) {
          yield* assertEqual(yield* store.shareSecrets(name, [known]), ["two", "one"], "the secrets that all know now")
        }
      })
  )
]
