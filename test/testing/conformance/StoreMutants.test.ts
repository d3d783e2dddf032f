/** Stores as they are easily written: the suite refuses each, and says what it expected. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ConnectionFailed, InvalidConfig } from "../../../src/BackendError.ts"
import type { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as Conformance from "../../../src/testing/conformance/Conformance.ts"

type Store = SessionStore["Service"]
type Alter = (store: Store, table: MemoryStore.Table) => Store

const suite = (alter: Alter, deadline?: "3 seconds") =>
  Conformance.sessionStore({
    name: "mutant",
    open: Effect.sync(() => {
      const table = MemoryStore.makeTable()
      return {
        owner: Effect.sync(() => alter(MemoryStore.make({ table, leaseMs: 1_000 }), table)),
        pass: (ms) => TestClock.adjust(ms)
      }
    }),
    leaseMs: 1_000,
    deadline,
    provideTime: Effect.provide(TestClock.layer())
  })

/** Stores each text in another form. */
const texts = (store: (text: string) => string): Alter => (inner) => ({
  ...inner,
  create: (id, { head, items }, windowMs) => inner.create(id, { head: store(head), items: items.map(store) }, windowMs),
  write: (lease, change) => inner.write(lease, { ...change, head: store(change.head), items: change.items.map(store) })
})

/** Returns other items than those that are stored. */
const items = (change: (items: ReadonlyArray<string>) => ReadonlyArray<string>): Alter => (inner) => ({
  ...inner,
  read: (id) => Effect.map(inner.read(id), (read) => read && { ...read, items: change(read.items) }),
  claim: (id) =>
    Effect.map(inner.claim(id), (claim) =>
      claim._tag === "Claimed"
        ? { ...claim, snapshot: { ...claim.snapshot, items: change(claim.snapshot.items) } }
        : claim)
})

/** Keeps sessions under another key than their ids. */
const keys = (keyOf: (id: string) => string): Alter => (inner, table) => ({
  ...inner,
  create: (id, snapshot, windowMs) =>
    Effect.suspend(() => {
      const isTaken = Array.from(table.rows.keys()).some((other) => keyOf(other) === keyOf(id))
      return isTaken
        ? Effect.fail(new InvalidConfig({ op: "create", message: "taken" }))
        : inner.create(id, snapshot, windowMs)
    })
})

const after = <A, E>(effect: Effect.Effect<A, E>, run: () => unknown): Effect.Effect<A, E> =>
  Effect.tap(effect, () => Effect.sync(run))

const owned = (change: (owned: ReadonlyArray<{ id: string; fence: number; items: number }>) => typeof owned): Alter =>
(
  inner
) => ({ ...inner, listOwned: Effect.map(inner.listOwned, change) })

const mutants: ReadonlyArray<readonly [id: string, what: string, alter: Alter, why: RegExp]> = [
  [
    "store.Texts",
    "parses JSON and writes it again",
    texts((text) => JSON.stringify(JSON.parse(text))),
    /the head that is read: expected/u
  ],
  ["store.Texts", "trims", texts((text) => text.trim()), /item 5 that is read: expected/u],
  ["store.Texts", "normalises Unicode", texts((text) => text.normalize("NFC")), /expected " NFD|expected "\\" NFD/u],
  ["store.Ids", "is blind to case", keys((id) => id.toLowerCase()), /taken/u],
  ["store.Ids", "replaces what is no letter", keys((id) => id.replaceAll(/[^a-zA-Z0-9_-]/gu, "_")), /taken/u],
  ["store.Ids", "has columns of 255 characters", keys((id) => id.slice(0, 255)), /taken/u],
  ["store.Ids", "collates as people do", keys((id) => id.normalize("NFC").trim()), /taken/u],
  ["store.Ids", "keeps sessions in a plain object", (inner) => ({
    ...inner,
    locate: (id) => id in {} ? Effect.succeed({ owner: undefined, live: false }) : inner.locate(id)
  }), /locating "__proto__" of no session: expected undefined/u],
  [
    "store.Long",
    "sorts numbers as texts",
    items((all) =>
      all.map((item, n) => [String(n), item] as const).toSorted(([a], [b]) => a < b ? -1 : 1).map(([, item]) => item)
    ),
    /item 2 that is read is/u
  ],
  [
    "store.Long",
    "reads a page",
    items((all) => all.slice(0, 1_000)),
    /how many items are read: expected 1500, found 1000/u
  ],
  ["store.Long", "keeps items in a set", items((all) => [...new Set(all)]), /how many items are read/u],
  ["store.Copies", "gives its own array, and adds to it", (inner, table) => {
    const own = new Map<string, Array<string>>()
    return {
      ...inner,
      read: (id) =>
        Effect.sync(() => {
          const row = table.rows.get(id)
          if (row === undefined) return undefined
          const items = own.get(id) ?? [...row.snapshot.items]
          own.set(id, items)
          return { head: row.snapshot.head, items }
        }),
      write: (lease, change) =>
        after(inner.write(lease, change), () => own.get(lease.id)?.splice(change.from, Infinity, ...change.items))
    }
  }, /what was read before a write, after it/u],
  ["store.Atomic", "writes the head before it looks at the items", (inner, table) => ({
    ...inner,
    write: (lease, change) =>
      Effect.suspend(() => {
        const row = table.rows.get(lease.id)
        if (row?.fence === lease.fence) row.snapshot = { ...row.snapshot, head: change.head }
        return inner.write(lease, change)
      })
  }), /what is stored after a write that left a gap/u],
  ["store.Create", "looks whether a session is there, and stores it later", (inner, table) => ({
    ...inner,
    create: (id, snapshot, windowMs) =>
      Effect.gen(function*() {
        const isTaken = table.rows.has(id)
        yield* Effect.yieldNow
        if (!isTaken) table.rows.delete(id)
        return yield* inner.create(id, snapshot, windowMs)
      })
  }), /sessions of one id that four attempts at once have created/u],
  ["store.Create", "hides a session that has ended, and keeps it", (inner, table) => ({
    ...inner,
    create: (id, snapshot, windowMs) =>
      after(inner.create(id, snapshot, windowMs), () => {
        const row = table.rows.get(id)
        const old = erased.get(id) ?? []
        if (row !== undefined) row.snapshot = { ...snapshot, items: [...old, ...snapshot.items] }
      }),
    remove: (lease) =>
      Effect.suspend(() => {
        erased.set(lease.id, table.rows.get(lease.id)?.snapshot.items ?? [])
        return inner.remove(lease)
      })
  }), /a session of the id of one that has ended/u],
  [
    "store.Many",
    "lists a page",
    owned((all) => all.slice(0, 100)),
    /how many sessions an owner has: expected 300, found 100/u
  ],
  ["store.Many", "lists a session twice", owned((all) => [...all, ...all.slice(0, 1)]), /found 301/u],
  ["store.Many", "leaves the session of its probe", (inner, table) => ({
    ...inner,
    probe: Effect.sync(() => {
      const snapshot = { head: "{}", items: [] }
      table.rows.set("probe", { owner: inner.owner, fence: 1, untilMs: 0, windowMs: 0, snapshot })
    })
  }), /found 301/u],
  [
    "store.Many",
    "counts one batch of a sweep",
    (inner) => ({ ...inner, sweep: Effect.map(inner.sweep, (swept) => Math.min(swept, 100)) }),
    /how many sessions a sweep erases: expected 300, found 100/u
  ],
  ["store.Window", "forgets the resume window when a session is taken over", (inner, table) => ({
    ...inner,
    claim: (id) =>
      after(inner.claim(id), () => {
        const row = table.rows.get(id)
        if (row !== undefined) table.rows.set(id, { ...row, windowMs: 0 })
      })
  }), /it is there within its resume window/u],
  [
    "store.Secret",
    "sweeps secrets",
    (inner, table) => ({ ...inner, sweep: after(inner.sweep, () => table.secrets.clear()) }),
    /the secret after its owner has gone/u
  ],
  [
    "store.Secret",
    "sorts secrets",
    (inner) => ({
      ...inner,
      shareSecrets: (name, known) => Effect.map(inner.shareSecrets(name, known), (all) => all.toSorted())
    }),
    /the secrets that are shared/u
  ],
  ["store.Former", "gives back a claim of anybody", (inner, table) => ({
    ...inner,
    undoClaim: (lease) =>
      after(inner.undoClaim(lease), () => {
        const row = table.rows.get(lease.id)
        if (row !== undefined) row.owner = undefined
      })
  }), /after undoClaim of its former owner/u],
  ["store.Former", "takes released sessions back when it renews", (inner, table) => ({
    ...inner,
    renew: after(inner.renew, () => {
      for (const row of table.rows.values()) row.owner ??= inner.owner
    })
  }), /has released its only one, and renewed/u],
  [
    "store.Create",
    "dies where it is to refuse",
    (inner) => ({ ...inner, create: (id, snapshot, windowMs) => Effect.orDie(inner.create(id, snapshot, windowMs)) }),
    /SessionStore\.create fails with one of the errors of the contract, and not: InvalidConfig/u
  ],
  ["store.Create", "throws where it is to refuse", (inner, table) => ({
    ...inner,
    create: (id, snapshot, windowMs) => {
      if (table.rows.has(id)) throw new Error("duplicate key")
      return inner.create(id, snapshot, windowMs)
    }
  }), /SessionStore\.create fails with one of the errors of the contract, and not: Error: duplicate key/u],
  [
    "store.Refusals",
    "fails with another code",
    (inner) => ({
      ...inner,
      create: (id, snapshot, windowMs) =>
        Effect.mapError(
          inner.create(id, snapshot, windowMs),
          () => new ConnectionFailed({ op: "create", message: "unique violation" })
        )
    }),
    /expected error invalid_config, but it failed with connection_failed/u
  ]
]

const erased = new Map<string, ReadonlyArray<string>>()

const run = async (alter: Alter, id: string, deadline?: "3 seconds") => {
  const cases = suite(alter, deadline).filter((each) => each.id === id)
  const [result] = await Effect.runPromise(Conformance.run(cases))
  return result
}

describe("a store that", () => {
  for (const [id, what, alter, why] of mutants) {
    it(`${what} fails ${id}`, async () => {
      const result = await run(alter, id)
      assert.strictEqual(result?.result, "failed", id)
      assert.match(result?.detail ?? "", why)
    })
  }

  for (
    const [how, hangs] of [["waits", Effect.never], [
      "cannot be interrupted",
      Effect.uninterruptible(Effect.never)
    ]] as const
  ) {
    it(`hangs and ${how} fails, and holds nothing up, in time that stands still`, async () => {
      const result = await run((inner) => ({ ...inner, sweep: hangs }), "store.Sweep", "3 seconds")
      assert.strictEqual(result?.detail, "expected that SessionStore.sweep ends, but it took longer than 250ms")
    })
  }

  it("is kept to its deadline where its harness hangs", async () => {
    const [result] = await Effect.runPromise(Conformance.run(
      Conformance.sessionStore({ name: "harness", open: Effect.never, leaseMs: 1_000, deadline: "300 millis" }).slice(
        0,
        1
      )
    ))
    assert.strictEqual(result?.detail, "store.Texts did not end within 300ms")
  })

  it("fails is told with what was promised, what was found, and where the contract is", async () => {
    const first: Alter = (inner) => ({ ...inner, listOwned: Effect.map(inner.listOwned, (all) => all.slice(0, 100)) })
    const results = await Effect.runPromise(
      Conformance.run(suite(first).filter(({ id }) => id === "store.Many" || id === "store.Lost.All"))
    )
    assert.strictEqual(
      Conformance.report(results),
      [
        "conformance: 0 passed, 1 failed, 0 verified elsewhere, 1 skipped",
        "  failed store.Many: it lists each of 300 sessions of an owner once, also after its lease, and sweeps all of them",
        "    how many sessions an owner has: expected 300, found 100",
        "    contract: src/session/persistence/SessionStore.ts",
        "  skipped store.Lost.All: the harness has no way to damage the store"
      ].join("\n")
    )
  })
})
