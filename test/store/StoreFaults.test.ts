import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { AuthenticationError, ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import { TestClock } from "effect/testing"
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as PostgresFaults from "../../src/store/PostgresFaults.ts"
import * as RedisFaults from "../../src/store/RedisFaults.ts"
import * as SqliteFaults from "../../src/store/SqliteFaults.ts"
import * as SqliteStore from "../../src/store/SqliteStore.ts"
import * as StoreFault from "../../src/store/StoreFault.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-faults-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Overwrites a part of every page but the first. */
const damagePages = (path: string) => {
  const file = openSync(path, "r+")
  for (let at = 4_096; at < fstatSync(file).size; at += 4_096) {
    writeSync(file, Buffer.alloc(1_000, 0x5a), 0, 1_000, at + 8)
  }
  closeSync(file)
}

describe("StoreFault", () => {
  it("names the errors of SQLite by their codes", () => {
    const of = (errcode: number) => SqliteFaults.faultOf(Object.assign(new Error("secret words"), { errcode }))
    for (
      const [code, reason, name] of [
        [13, "full", "SQLITE_FULL"],
        [11, "damaged", "SQLITE_CORRUPT"],
        [26, "damaged", "SQLITE_NOTADB"],
        [8, "read_only", "SQLITE_READONLY"],
        [1032, "missing", "SQLITE_READONLY_DBMOVED"],
        [14, "missing", "SQLITE_CANTOPEN"],
        // an extended code: SQLITE_IOERR_FSYNC
        [1034, "input_output", "SQLITE_IOERR"],
        [5, "busy", "SQLITE_BUSY"],
        [517, "busy", "SQLITE_BUSY"]
      ] as const
    ) {
      const { reason: found, why } = of(code)
      assert.strictEqual(found, reason, name)
      assert.include(why, `(${name})`)
      assert.notInclude(why, "secret")
    }
    assert.deepStrictEqual(of(99), { reason: "failed", why: "failed (SQLite error 99)" })
    assert.strictEqual(SqliteFaults.faultOf(Object.assign(new Error("x"), { code: "EROFS" })).reason, "read_only")
    // what is no error of SQLite has no code
    assert.deepStrictEqual(SqliteFaults.faultOf(new Error("secret")), { reason: "failed", why: "failed" })
  })

  it("names the errors of PostgreSQL by their SQLSTATE, wherever the driver puts it", () => {
    const of = (code: string) =>
      PostgresFaults.faultOf(
        new SqlError({
          reason: new UnknownError({
            cause: Object.assign(new Error("secret words"), { code }),
            message: "secret",
            operation: "query"
          })
        })
      )
    for (
      const [code, reason] of [
        ["53100", "full"],
        ["25006", "read_only"],
        ["42P01", "missing"],
        ["42501", "denied"],
        ["53300", "overloaded"],
        ["57014", "busy"],
        ["57P03", "starting"],
        ["XX001", "damaged"],
        ["58030", "input_output"],
        ["28P01", "denied"],
        ["08P01", "unreachable"],
        ["53999", "overloaded"],
        ["12345", "failed"]
      ] as const
    ) {
      const { reason: found, why } = of(code)
      assert.strictEqual(found, reason, code)
      assert.include(why, `(SQLSTATE ${code})`)
      assert.notInclude(why, "secret")
    }
    const refused = Object.assign(new Error("connect ECONNREFUSED 10.1.2.3:5432"), { code: "ECONNREFUSED" })
    const lost = PostgresFaults.faultOf(
      new SqlError({ reason: new ConnectionError({ cause: refused, message: "x", operation: "connect" }) })
    )
    assert.deepStrictEqual(lost, {
      reason: "unreachable",
      why: "refuses connections: nothing listens at its address"
    })
    const nothing = new SqlError({
      reason: new AuthenticationError({ cause: new Error("secret"), message: "x", operation: "connect" })
    })
    assert.deepStrictEqual(PostgresFaults.faultOf(nothing), StoreFault.unreachable)
  })

  it("names the errors of Redis by the word of its answer, also within a script", () => {
    for (
      const [text, reason] of [
        ["OOM command not allowed when used memory > 'maxmemory'. script: 1a2b, on @user_script:1.", "full"],
        ["ERR Error running script (call to f_1): @user_script:1: -OOM command not allowed", "full"],
        ["ERR The user executing the script can't run this command or subcommand script: 1a2b", "denied"],
        ["ERR Wrong number of args calling Redis command from script script: 1a2b", "failed"],
        ["READONLY You can't write against a read only replica. script: 1a2b", "read_only"],
        ["MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk.", "full"],
        ["LOADING Redis is loading the dataset in memory", "starting"],
        ["NOAUTH Authentication required.", "denied"],
        ["WRONGPASS invalid username-password pair or user is disabled.", "denied"],
        ["NOPERM User app has no permissions to run the 'eval' command", "denied"],
        ["MOVED 3999 127.0.0.1:6381", "unsupported"],
        ["CLUSTERDOWN Hash slot not served", "unsupported"],
        ["NOREPLICAS Not enough good replicas to write.", "read_only"],
        ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "read_only"],
        ["BUSY Redis is busy running a script.", "busy"],
        ["ERR max number of clients reached", "overloaded"],
        ["ERR unknown command 'EVAL', with args beginning with: secret", "unsupported"]
      ] as const
    ) {
      const fault = RedisFaults.faultOf(new Error(text))
      assert.strictEqual(fault?.reason, reason, text)
      assert.notInclude(fault?.why ?? "", "secret")
      assert.notInclude(fault?.why ?? "", "127.0.0.1")
    }
    assert.strictEqual(RedisFaults.faultOf(new Error("The client is offline")), undefined)
    assert.strictEqual(RedisFaults.unsupportedMode("redis_version:7\r\nredis_mode:sentinel\r\n")?.reason, "unsupported")
    assert.strictEqual(RedisFaults.unsupportedMode("redis_version:7\r\nredis_mode:cluster\r\n")?.reason, "unsupported")
    assert.strictEqual(RedisFaults.unsupportedMode("redis_mode:standalone"), undefined)
  })

  it.effect("finds damaged pages when a file is opened, and says so until there is another file", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* SqliteStore.make({ path })
        const items = Array.from({ length: 200 }, (_, i) => `${i} ${"words ".repeat(200)}`)
        yield* store.create("a", { head: "{}", items }, 60_000)
        yield* store.probe
      }))
      damagePages(path)
      const store = yield* SqliteStore.make({ path })
      for (let i = 0; i < 2; i++) {
        const error = yield* Effect.flip(store.probe)
        assert.deepStrictEqual(error.details, { part: "store", store: "sqlite", reason: "damaged" })
        assert.match(error.message, /its file is damaged/u)
      }
    }))

  for (
    const [what, change] of [
      ["the file is removed", (path: string) => rmSync(path)],
      ["its directory is removed", (path: string) => rmSync(dirname(path), { recursive: true })],
      ["its write-ahead log is removed", (path: string) => rmSync(`${path}-wal`)],
      ["another file is put in its place", (path: string) => {
        writeFileSync(`${path}.new`, "")
        renameSync(`${path}.new`, path)
      }]
    ] as const
  ) {
    it.effect(`goes on with the file that is there, and tells it for a while, when ${what}`, () =>
      Effect.gen(function*() {
        const path = join(yield* directory, "in", "sessions.db")
        const store = yield* SqliteStore.make({ path })
        const lease = yield* store.create("a", { head: "{}", items: ["1"] }, 60_000)
        yield* store.probe
        yield* Effect.sync(() => change(path))
        yield* store.renew
        const error = yield* Effect.flip(store.probe)
        assert.deepStrictEqual(error.details, { part: "store", store: "sqlite", reason: "replaced" })
        yield* store.write(lease, { head: "{}", from: 0, items: ["1", "2"] })
        yield* store.create("b", { head: "{}", items: ["3"] }, 60_000)
        yield* store.releaseAll
        const other = yield* SqliteStore.make({ path })
        for (const [id, items] of [["a", ["1", "2"]], ["b", ["3"]]] as const) {
          const claim = yield* other.claim(id)
          assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot.items, items)
        }
        yield* TestClock.adjust("31 seconds")
        yield* store.probe
      }))
  }

  it.effect("says what is in the way when the path cannot be opened any more, and recovers by itself", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const store = yield* SqliteStore.make({ path })
      const reasonOf = Effect.map(Effect.flip(store.probe), ({ details }) => details?.["reason"])
      rmSync(path)
      mkdirSync(path)
      assert.strictEqual(yield* reasonOf, "missing")
      assert.strictEqual((yield* Effect.flip(store.create("a", { head: "", items: [] }, 1))).code, "connection_failed")
      rmSync(path, { recursive: true })
      // a write-ahead log would repair the file
      for (const name of ["-wal", "-shm"]) rmSync(`${path}${name}`, { force: true })
      writeFileSync(path, "no database at all, and long enough to be read as one ".repeat(40))
      assert.strictEqual(yield* reasonOf, "damaged")
      rmSync(path)
      yield* store.create("a", { head: "", items: [] }, 60_000)
      yield* TestClock.adjust("31 seconds")
      yield* store.probe
    }))

  it.effect("names a schema that another process has changed", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const store = yield* SqliteStore.make({ path })
      const change = (statement: string) => {
        const other = new DatabaseSync(path)
        other.exec(statement)
        other.close()
      }
      const faultOf = Effect.map(Effect.flip(store.probe), ({ details, message }) => [details?.["reason"], message])
      change("PRAGMA user_version = 9")
      assert.deepStrictEqual(yield* faultOf, [
        "unsupported",
        "the session store sqlite has the schema of a newer release"
      ])
      change("PRAGMA user_version = 1; ALTER TABLE sessions RENAME COLUMN head TO state")
      assert.deepStrictEqual(yield* faultOf, [
        "unsupported",
        "the session store sqlite has tables with other columns (SQLITE_ERROR)"
      ])
      change("ALTER TABLE sessions RENAME COLUMN state TO head")
      yield* store.probe
    }))

  it.effect("leaves nothing of a probe in the file", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "sessions.db")
      const store = yield* SqliteStore.make({ path })
      yield* store.probe
      yield* store.probe
      const db = new DatabaseSync(path, { readOnly: true })
      assert.deepStrictEqual(db.prepare("SELECT count(*) AS n FROM sessions").get()?.["n"], 0)
      assert.deepStrictEqual(db.prepare("SELECT count(*) AS n FROM items").get()?.["n"], 0)
      db.close()
    }))
})
