import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import * as SqliteStore from "../../src/store/SqliteStore.ts"
import { isFull } from "../support/Full.ts"
import * as FormerSchema from "./FormerSchema.ts"
import * as StoreContract from "./StoreContract.ts"
import * as StoreDamage from "./StoreDamage.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-sqlite-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
const pass = (ms: number) => TestClock.adjust(ms)
const bytesOf = (path: string) => readdirSync(path).map((name) => readFileSync(join(path, name), "latin1")).join("")

/** Long stories: an owner writes the whole the later again, the more often the store has lost it. */
const model = { rounds: isFull ? 4 : 1, steps: 40, settleMs: 130_000 }

describe("MemoryStore, by the contract", () => {
  StoreContract.tests(
    Effect.sync(() => {
      const table = MemoryStore.makeTable()
      return {
        owner: Effect.sync(() => MemoryStore.make({ table, leaseMs: StoreContract.LEASE_MS })),
        pass,
        damage: StoreDamage.ofMemory(table)
      }
    }),
    "effect",
    { countsItems: false, model }
  )
})

describe("SqliteStore", () => {
  StoreContract.tests(
    Effect.map(directory, (path) => ({
      owner: SqliteStore.make({ path: join(path, "new", "sessions.db"), lease: StoreContract.LEASE_MS }),
      pass,
      damage: StoreDamage.ofSqlite(join(path, "new", "sessions.db"))
    })),
    "effect",
    { model }
  )

  it.effect("brings a file of the former schema to this one, beside a process of the former release", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const former = yield* FormerSchema.ofSqlite(path)
      yield* FormerSchema.upgrade(former, SqliteStore.make({ path, lease: 1_000 }), pass, 1_000)
    }))

  it.effect("is readable for its user only, and keeps sessions after its owner has closed it", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const scope = yield* Scope.make()
      const one = yield* Scope.provide(SqliteStore.make({ path }), scope)
      const lease = yield* one.create("s", { head: "{}", items: ["1"] }, 60_000)
      for (const name of ["sessions.db", "sessions.db-wal"]) {
        assert.strictEqual(statSync(join(path, "..", name)).mode & 0o777, 0o600, name)
      }
      yield* one.releaseLease(lease)
      yield* Scope.close(scope, Exit.void)
      const claim = yield* (yield* SqliteStore.make({ path })).claim("s")
      assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot, { head: "{}", items: ["1"] })
    }))

  it.effect("stores a session again in the file that is there, after the one it had was removed or replaced", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "new", "sessions.db")
      const owner = SqliteStore.make({ path })
      const a = yield* owner
      const lease = yield* a.create("s", { head: "{}", items: ["1"] }, 60_000)
      yield* a.secret("key", "secret")
      for (
        const lose of [
          StoreDamage.ofSqlite(path).loseStructure,
          Effect.sync(() => rmSync(join(path, ".."), { recursive: true }))
        ]
      ) {
        yield* lose
        assert.deepStrictEqual(yield* a.listOwned, [])
        yield* a.write(lease, { head: "{}", from: 0, items: ["1", "2"] })
        assert.deepStrictEqual(yield* a.shareSecrets("key", ["secret"]), ["secret"])
      }
      yield* a.releaseLease(lease)
      const b = yield* owner
      assert.strictEqual(yield* b.secret("key", "other"), "secret")
      const claim = yield* b.claim("s")
      assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot.items, ["1", "2"])
    }))

  it.effect("blocks the process no longer when many sessions wait for another process than when one does", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const store = yield* SqliteStore.make({ path })
      const leases = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, i) => `s${i}`),
        (id) => store.create(id, { head: "{}", items: [] }, 60_000)
      )
      const other = new DatabaseSync(path)
      other.exec("BEGIN IMMEDIATE")
      const since = performance.now()
      const writes = yield* Effect.forkChild(Effect.forEach(
        leases,
        (lease) => store.write(lease, { head: "{}", from: 0, items: ["1"] }),
        { concurrency: "unbounded", discard: true }
      ))
      yield* Effect.yieldNow
      // each try blocks for 5 ms
      assert.isBelow(performance.now() - since, 500)
      other.exec("ROLLBACK")
      other.close()
      yield* pass(5_000)
      yield* Fiber.join(writes)
      assert.lengthOf(yield* store.listOwned, 200)
    }))

  it.effect("leaves nothing of an erased session on the disk", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const store = yield* SqliteStore.make({ path: join(path, "sessions.db") })
      const words = "the user's own words"
      const lease = yield* store.create("s", { head: words, items: Array.from({ length: 50 }, () => words) }, 60_000)
      yield* store.write(lease, { head: "{}", from: 10, items: [words] })
      assert.include(bytesOf(path), words)
      yield* store.remove(lease)
      yield* TestClock.adjust("2 seconds")
      assert.notInclude(bytesOf(path), words)
    }))

  it.effect("reports why a file cannot be used, and leaves it unchanged", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const file = (name: string) => join(path, name)
      writeFileSync(file("damaged"), "this is not a database, and long enough to be read as one ".repeat(40))
      mkdirSync(file("directory"))
      const foreign = new DatabaseSync(file("foreign"))
      foreign.exec("CREATE TABLE t (a); PRAGMA application_id = 7")
      foreign.close()
      const unmarked = new DatabaseSync(file("unmarked"))
      unmarked.exec("CREATE TABLE sessions (user TEXT); CREATE TABLE orders (n INTEGER)")
      unmarked.close()
      const before = readFileSync(file("unmarked"))
      const newer = new DatabaseSync(file("newer"))
      newer.exec("PRAGMA application_id = 1164334691; PRAGMA user_version = 99")
      newer.close()
      for (
        const [name, says] of [
          ["damaged", /damaged or not an SQLite/u],
          ["directory", /cannot be opened/u],
          ["foreign", /another application/u],
          ["unmarked", /another application/u],
          ["newer", /newer schema version 99/u]
        ] as const
      ) {
        const error = yield* Effect.flip(SqliteStore.make({ path: file(name) }))
        assert.strictEqual(error.code, "invalid_config", name)
        assert.match(error.message, says)
        assert.include(error.message, file(name))
      }
      assert.match(readFileSync(file("damaged"), "utf8"), /^this is not a database/u)
      assert.isTrue(readFileSync(file("unmarked")).equals(before))
      if (process.getuid?.() === 0) return
      mkdirSync(file("closed"))
      chmodSync(file("closed"), 0o500)
      assert.match((yield* Effect.flip(SqliteStore.make({ path: join(file("closed"), "s.db") }))).message, /cannot be/u)
    }))

  it.live("shares its file with another process after the index of its write-ahead log was removed", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const a = yield* SqliteStore.make({ path })
      const lease = yield* a.create("s", { head: "{}", items: ["1"] }, 60_000)
      rmSync(`${path}-shm`)
      // it makes an index of its own: with two of them, each process would write over what the other has written
      const program = `const db = new (require("node:sqlite").DatabaseSync)(process.argv[1], { timeout: 5000 })
        let n = 0
        process.stdin.on("data", () => {
          db.prepare("INSERT INTO secrets VALUES (?, ?)").run("name " + ++n, "x".repeat(3000))
          process.stdout.write("done\\n")
        })`
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => spawn(process.execPath, ["-e", program, path], { stdio: ["pipe", "pipe", "ignore"] })),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      for (let n = 1; n <= 20; n++) {
        const done = once(other.stdout, "data")
        other.stdin.write("next\n")
        yield* Effect.promise(() => done)
        yield* a.write(lease, { head: "{}", from: n, items: [`"${"y".repeat(3_000)}"`] })
        assert.strictEqual((yield* a.secret(`name ${n}`, "none")).length, 3_000, `the other's write ${n}`)
      }
      yield* a.releaseLease(lease)
      const claim = yield* a.claim("s")
      assert.strictEqual(claim._tag === "Claimed" && claim.snapshot.items.length, 21)
      const db = new DatabaseSync(path)
      assert.deepStrictEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" })
      db.close()
    }).pipe(Effect.scoped))

  it.live.skipIf(process.platform !== "linux")(
    "is refused where no directory can be made, instead of trying for ever",
    () =>
      Effect.gen(function*() {
        const name = "x".repeat(300)
        for (
          const [path, says] of [["/proc/none/s.db", /is gone/u], [join(tmpdir(), name), /name is too long/u]] as const
        ) {
          const error = yield* Effect.flip(SqliteStore.make({ path }))
          assert.strictEqual(error.code, "invalid_config")
          assert.match(error.message, says)
        }
      }).pipe(Effect.scoped)
  )
})
