/** The suite of session stores can fail: for each rule, a store that does not keep it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as Conformance from "../../../src/testing/conformance/Conformance.ts"
import * as StoreDamage from "../../store/StoreDamage.ts"

type Store = SessionStore["Service"]
type Alter = (store: Store, table: MemoryStore.Table) => Store

const suite = (alter: Alter) =>
  Conformance.sessionStore({
    name: "broken",
    open: Effect.sync(() => {
      const table = MemoryStore.makeTable()
      return {
        owner: Effect.sync(() => alter(MemoryStore.make({ table, leaseMs: 1_000 }), table)),
        pass: (ms) => TestClock.adjust(ms),
        damage: StoreDamage.ofMemory(table)
      }
    }),
    leaseMs: 1_000,
    countsItems: false,
    provideTime: Effect.provide(TestClock.layer())
  })

/** Takes any session over, whoever has it. */
const steals: Alter = (store, table) => ({
  ...store,
  claim: (id) =>
    Effect.suspend(() => {
      const row = table.rows.get(id)
      if (row !== undefined) row.owner = undefined
      return store.claim(id)
    })
})

const broken: ReadonlyArray<readonly [id: string, what: string, alter: Alter, why: RegExp]> = [
  ["store.Snapshot", "items after the new ones that stay", (store, table) => ({
    ...store,
    write: (lease, change) =>
      Effect.suspend(() => {
        const after = table.rows.get(lease.id)?.snapshot.items.slice(change.from + change.items.length) ?? []
        return store.write(lease, { ...change, items: [...change.items, ...after] })
      })
  }), /what was stored last/u],
  ["store.Refusals", "sizes in characters", (store) => ({
    ...store,
    create: (id, snapshot, windowMs) =>
      store.create(id, { ...snapshot, items: snapshot.items.map((item) => item.slice(0, 9)) }, windowMs)
  }), /expected error invalid_config/u],
  ["store.Locate", "a lease that seems to run for ever", (store) => ({
    ...store,
    locate: (id) =>
      Effect.map(store.locate(id), (found) => found?.owner === undefined ? found : { ...found, live: true })
  }), /when the lease has run out/u],
  ["store.Owned", "sessions of all owners", (store, table) => ({
    ...store,
    listOwned: Effect.sync(() =>
      Array.from(table.rows, ([id, { fence, snapshot }]) => ({ id, fence, items: snapshot.items.length }))
    )
  }), /the sessions of an owner/u],
  [
    "store.Secrets",
    "a secret of each owner",
    (store) => ({ ...store, secret: (_name, candidate) => Effect.succeed(candidate) }),
    /get the same/u
  ],
  ["store.Fence", "sessions that anybody takes", steals, /claiming a session of another owner/u],
  ["store.Fence", "writes of a former owner", (store, table) => ({
    ...store,
    write: (lease, change) =>
      Effect.sync(() => {
        const row = table.rows.get(lease.id)
        if (row !== undefined) row.snapshot = { ...row.snapshot, head: change.head }
      })
  }), /a write of the former owner/u],
  [
    "store.Release",
    "a release of all sessions",
    (store) => ({ ...store, releaseLease: () => store.releaseAll }),
    /claiming|write/u
  ],
  [
    "store.UndoClaim",
    "a longer life for each claim",
    (store) => ({ ...store, undoClaim: store.releaseLease }),
    /resume window is over/u
  ],
  ["store.Sweep", "sessions that are erased before their time", (store, table) => ({
    ...store,
    sweep: Effect.sync(() => {
      const { size } = table.rows
      table.rows.clear()
      return size
    })
  }), /after a sweep/u],
  ["store.Race", "both of two that claim at once", (store, table) => ({
    ...store,
    claim: (id) =>
      Effect.gen(function*() {
        const free = table.rows.get(id)?.owner === undefined
        yield* Effect.yieldNow
        return yield* free ? steals(store, table).claim(id) : store.claim(id)
      })
  }), /two claims at once/u],
  ["store.Concurrency", "writes that read first and write later", (store, table) => ({
    ...store,
    write: (lease, change) =>
      Effect.gen(function*() {
        const before = Array.from(table.rows.values(), ({ snapshot }) => snapshot)[0]
        yield* Effect.yieldNow
        yield* store.write(lease, change)
        const row = table.rows.get(lease.id)
        if (row !== undefined && before !== undefined) row.snapshot = { head: change.head, items: before.items }
      })
  }), /non-contiguous|what was written/u],
  ["store.Absence", "sessions of an owner that is cut off", (store, table) => ({
    ...store,
    sweep: Effect.sync(() => {
      const gone = Array.from(table.rows).filter(([, { owner }]) =>
        (table.owners.get(owner ?? "")?.untilMs ?? 0) < 1e12
      )
      for (const [id] of gone) table.rows.delete(id)
      return gone.length
    })
  }), /a sweep/u],
  ["store.Owners", "owners that it never forgets", (store, table) => ({
    ...store,
    sweep: Effect.suspend(() => {
      const owners = new Map(table.owners)
      return Effect.tap(
        store.sweep,
        () => Effect.sync(() => owners.forEach((lease, owner) => table.owners.set(owner, lease)))
      )
    })
  }), /the owners that are known/u],
  ["store.Lost.All", "an owner that cannot give back what was lost", (store, table) => ({
    ...store,
    write: (lease, change) =>
      table.rows.has(lease.id) ? store.write(lease, change) : store.write({ ...lease, fence: 99 }, change)
  }), /expected "?gap/u],
  ["store.EndedLease", "a session that comes back after its end", (store, table) => ({
    ...store,
    write: (lease, change) =>
      Effect.catch(store.write(lease, change), () =>
        Effect.sync(() => {
          table.rows.set(lease.id, { owner: store.owner, fence: 1, untilMs: 0, windowMs: 0, snapshot: change })
        }))
  }), /a write with a lease that was removed/u],
  [
    "store.Lost.Secrets",
    "secrets that are lost",
    (store) => ({ ...store, shareSecrets: (_name, known) => Effect.succeed(known) }),
    /the secrets that all know/u
  ]
]

const run = async (alter: Alter, id: string) => {
  const [result] = await Effect.runPromise(Conformance.run(suite(alter).filter((each) => each.id === id)))
  return result
}

describe("the suite of session stores", () => {
  for (const [id, what, alter, why] of broken) {
    it(`fails ${id} for ${what}`, async () => {
      const result = await run(alter, id)
      assert.strictEqual(result?.result, "failed", `${id}: ${result?.detail}`)
      assert.match(result?.detail ?? "", why)
    })
  }

  it("skips what a store cannot be given, with the reason", async () => {
    const cases = Conformance.sessionStore({
      name: "memory",
      open: Effect.sync(() => {
        const table = MemoryStore.makeTable()
        return {
          owner: Effect.sync(() => MemoryStore.make({ table, leaseMs: 1_000 })),
          pass: (ms) => TestClock.adjust(ms)
        }
      }),
      leaseMs: 1_000,
      unsupported: { "store.Race": "it is used by one process" },
      provideTime: Effect.provide(TestClock.layer())
    })
    const results = await Effect.runPromise(Conformance.run(cases))
    const of = (id: string) => results.find((result) => result.id === id)
    assert.deepInclude(of("store.Race"), { result: "skipped", detail: "it is used by one process" })
    assert.deepInclude(of("store.Lost.All"), {
      result: "skipped",
      detail: "the harness has no way to damage the store"
    })
    assert.deepInclude(of("store.Owners"), {
      result: "skipped",
      detail: "the harness has no way to set the leases of owners"
    })
    assert.deepInclude(of("store.Fence"), { result: "passed", detail: undefined })
    assert.match(Conformance.summary(results), /^conformance: 20 passed, 0 failed, 0 verified elsewhere, 16 skipped$/u)
  })
})
