/** Writes of many sessions in one statement: what is wrong with one of them is nothing to the others. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Scope } from "effect"
import { execFile, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as Servers from "../support/DatabaseServers.ts"

if (Servers.missingPostgres !== undefined) {
  process.stderr.write(`skipped, gathered writes in postgres: ${Servers.missingPostgres}\n`)
}

const psql = (url: string, statement: string): string =>
  execFileSync(Servers.psqlPath, ["-d", url, "-At", "-c", statement], { encoding: "utf8" }).trim()

/** Runs statements and keeps the transaction open, as long as the scope. */
const openTransaction = (url: string, statements: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(Servers.psqlPath, ["-d", url, "-At"], { stdio: ["pipe", "pipe", "ignore"] })
      child.stdin.write(`BEGIN; ${statements}; SELECT 'open';\n`)
      for await (const chunk of child.stdout) if (String(chunk).includes("open")) break
      return child
    }),
    (child) =>
      Effect.promise(async () => {
        const exited = once(child, "exit")
        child.kill("SIGKILL")
        await exited
      })
  )

const empty = { head: "{}", items: [] }
const change = (from: number, ...items: ReadonlyArray<string>) => ({ head: `{"n":${from}}`, from, items })
const reasonOf = (
  effect: Effect.Effect<void, { readonly details?: { readonly [key: string]: unknown } | undefined }>
) => Effect.match(effect, { onFailure: ({ details }) => details?.["reason"], onSuccess: () => "written" })

const live = (
  says: string,
  body: (url: string) => Effect.Effect<void, unknown, Scope.Scope>
) => it.live(says, () => Effect.scoped(Effect.flatMap(Servers.postgres, ({ url }) => body(url))), 60_000)

describe.skipIf(Servers.missingPostgres !== undefined)("writes of many sessions in PostgreSQL", () => {
  live("are few transactions", (url) =>
    Effect.gen(function*() {
      const store = yield* PostgresStore.make({ url: Redacted.make(url) })
      const ids = Array.from({ length: 200 }, (_, i) => `s${i}`)
      const leases = yield* Effect.forEach(ids, (id) => store.create(id, empty, 60_000), { concurrency: 4 })
      const commits = () =>
        Number(
          psql(
            url,
            "SELECT pg_stat_force_next_flush(); SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'"
          ).split("\n").at(-1)
        )
      yield* Servers.pause(1_200)
      const before = commits()
      for (let n = 0; n < 3; n++) {
        yield* Effect.forEach(leases, (lease) => store.write(lease, change(n, `"${n}"`)), {
          concurrency: "unbounded",
          discard: true
        })
      }
      yield* Servers.pause(1_200)
      // one of them is the count itself; the statistics of a connection come a second late
      assert.isBelow(commits() - before, 20)
      assert.strictEqual((yield* store.listOwned).filter(({ items }) => items === 3).length, 200)
    }))

  live(
    "are answered one by one: written, fenced, incomplete, too large, and what the database refuses",
    (url) =>
      Effect.gen(function*() {
        const open = PostgresStore.make({ url: Redacted.make(url) })
        const [store, other] = yield* Effect.all([open, open])
        const ids = ["good", "fenced", "gone", "gap", "replaced", "refused", "large"] as const
        const leases = yield* Effect.forEach(ids, (id) => store.create(id, { head: "{}", items: ["1"] }, 60_000))
        const [good, fenced, gone, gap, replaced, refused, large] = leases
        psql(url, "UPDATE effect_voice_sessions SET owner = 'another', fence = 2 WHERE id = 'fenced'")
        psql(url, "DELETE FROM effect_voice_sessions WHERE id = 'gone'")
        const results = yield* Effect.forEach(
          [
            store.write(good!, change(1, "\"naïve ☂ 𝄞 \\u0000\"", "3")),
            store.write(fenced!, change(1, "2")),
            store.write(gone!, change(0, "1", "2")),
            store.write(gap!, change(2, "3")),
            store.write(replaced!, change(0, "new")),
            // no text in PostgreSQL has this character
            store.write(refused!, { head: "\u0000", from: 1, items: [] }),
            store.write(large!, change(1, "x".repeat(65_537)))
          ],
          reasonOf,
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(results, ["written", "fenced", "written", "gap", "written", "failed", "too_large"])
        yield* store.releaseAll
        const itemsOf = (id: string) =>
          Effect.map(other.claim(id), (claim) => claim._tag === "Claimed" ? claim.snapshot.items : claim._tag)
        assert.deepStrictEqual(yield* itemsOf("good"), ["1", "\"naïve ☂ 𝄞 \\u0000\"", "3"])
        assert.deepStrictEqual(yield* itemsOf("gone"), ["1", "2"])
        assert.deepStrictEqual(yield* itemsOf("replaced"), ["new"])
        assert.deepStrictEqual(yield* itemsOf("refused"), ["1"])
      })
  )

  live(
    "do not wait for a session that somebody has locked, nor do claims and creates",
    (url) =>
      Effect.gen(function*() {
        const store = yield* PostgresStore.make({ url: Redacted.make(url) })
        const locked = yield* Effect.forEach(["l1", "l2", "l3", "l4"], (id) => store.create(id, empty, 60_000))
        const free = yield* Effect.forEach(["f1", "f2", "f3"], (id) => store.create(id, empty, 60_000))
        yield* openTransaction(url, "SELECT id FROM effect_voice_sessions WHERE id LIKE 'l%' FOR UPDATE").pipe(
          Effect.flatMap(() =>
            Effect.gen(function*() {
              const waiting = yield* Effect.forEach(
                locked,
                (lease) => Effect.forkChild(reasonOf(store.write(lease, change(0, "1"))))
              )
              const began = performance.now()
              for (let n = 0; n < 10; n++) {
                yield* Effect.forEach(free, (lease) => store.write(lease, change(n, `${n}`)), {
                  concurrency: "unbounded",
                  discard: true
                })
              }
              assert.isBelow(performance.now() - began, 2_500)
              const created = performance.now()
              yield* store.create("new", empty, 60_000)
              assert.isBelow(performance.now() - created, 2_500)
              // the writer of a session tries again: the connection is not kept for it
              for (const each of waiting) assert.strictEqual(yield* Fiber.join(each), "busy")
            })
          ),
          Effect.scoped
        )
        for (const lease of locked) yield* store.write(lease, change(0, "1", "2"))
        assert.strictEqual((yield* store.listOwned).filter(({ items }) => items === 2).length, 4)
      })
  )

  live("leave out what its caller no longer waits for", (url) =>
    Effect.gen(function*() {
      const store = yield* PostgresStore.make({ url: Redacted.make(url) })
      const one = yield* store.create("one", empty, 60_000)
      const two = yield* store.create("two", empty, 60_000)
      const lock = yield* Effect.forkChild(
        Effect.scoped(
          Effect.andThen(
            openTransaction(url, "LOCK TABLE effect_voice_items IN ACCESS EXCLUSIVE MODE"),
            Servers.pause(1_500)
          )
        )
      )
      yield* Effect.promise(async () => {
        const held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        while (psql(url, held) === "0") await new Promise((resolve) => execFile("true", resolve))
      })
      const given = yield* Effect.forkChild(store.write(one, change(0, "old")), { startImmediately: true })
      const kept = yield* Effect.forkChild(store.write(two, change(0, "1")), { startImmediately: true })
      yield* Servers.pause(300)
      // it waits in the statement with the other
      yield* Fiber.interrupt(given)
      const newer = yield* Effect.forkChild(store.write(one, change(0, "1", "2")), { startImmediately: true })
      yield* Fiber.join(lock)
      yield* Fiber.join(kept)
      yield* Fiber.join(newer)
      assert.strictEqual(
        psql(url, "SELECT string_agg(json, ',' ORDER BY n) FROM effect_voice_items WHERE session = 'one'"),
        "1,2"
      )
      assert.strictEqual(
        psql(url, "SELECT string_agg(json, ',' ORDER BY n) FROM effect_voice_items WHERE session = 'two'"),
        "1"
      )
    }))

  live(
    "leave out what its caller no longer waits for, also where each is tried alone",
    (url) =>
      Effect.gen(function*() {
        // one connection for what is tried alone
        const store = yield* PostgresStore.make({ url: Redacted.make(url), maxConnections: 3 })
        const locked = yield* Effect.forEach(["l1", "l2", "l3", "l4"], (id) => store.create(id, empty, 60_000))
        const refused = yield* store.create("refused", empty, 60_000)
        const one = yield* store.create("one", { head: "{}", items: ["1"] }, 60_000)
        yield* openTransaction(url, "SELECT id FROM effect_voice_sessions WHERE id LIKE 'l%' FOR UPDATE")
        // because of one of them each is tried alone: first those that wait for the lock
        const others = yield* Effect.forEach(
          [
            ...locked.map((lease) => store.write(lease, change(0, "1"))),
            store.write(refused, { ...empty, head: "\u0000", from: 0 })
          ],
          (write) => Effect.forkChild(Effect.exit(write), { startImmediately: true })
        )
        const older = yield* Effect.forkChild(store.write(one, change(1, "older")), { startImmediately: true })
        yield* Servers.pause(700)
        yield* Fiber.interrupt(older)
        yield* store.write(one, change(1, "newer", "3"))
        for (const other of others) yield* Fiber.join(other)
        yield* Servers.pause(200)
        assert.strictEqual(
          psql(url, "SELECT string_agg(json, ',' ORDER BY n) FROM effect_voice_items WHERE session = 'one'"),
          "1,newer,3"
        )
      })
  )

  live("leave the connections to others while ended and wanted sessions are locked", (url) =>
    Effect.gen(function*() {
      const open = PostgresStore.make({ url: Redacted.make(url) })
      const [store, former] = yield* Effect.all([open, open])
      const leases = yield* Effect.forEach(["l1", "l2", "l3"], (id) => store.create(id, empty, 60_000))
      yield* former.create("l4", empty, 60_000)
      yield* former.releaseAll
      const stranger = yield* Scope.make()
      yield* openTransaction(url, "SELECT id FROM effect_voice_sessions WHERE id LIKE 'l%' FOR UPDATE").pipe(
        Scope.provide(stranger)
      )
      const [l1, l2, l3] = leases
      const waiting = yield* Effect.forEach(
        [store.remove(l1!), store.releaseLease(l2!), store.undoClaim(l3!), Effect.asVoid(store.claim("l4"))],
        (each) => Effect.forkChild(reasonOf(each), { startImmediately: true })
      )
      const began = performance.now()
      yield* store.create("new", empty, 60_000)
      assert.isBelow(performance.now() - began, 2_500)
      for (const each of waiting) assert.strictEqual(yield* Fiber.join(each), "busy")
      yield* Scope.close(stranger, Exit.void)
      yield* store.remove(l1!)
      assert.isUndefined(yield* store.locate("l1"))
      assert.strictEqual((yield* store.claim("l4"))._tag, "Claimed")
    }))
})
