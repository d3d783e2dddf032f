/** Databases of the former schema version, in which each session had a lease of its own, and a process that still uses one. */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { execFile } from "node:child_process"
import { DatabaseSync } from "node:sqlite"
import { promisify } from "node:util"
import type { BackendError } from "../../src/BackendError.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import { psqlPath } from "../support/DatabaseServers.ts"

type Store = SessionStore["Service"]

/** What a process of the former version does, in its own words; times are in ms from now. */
interface Former {
  readonly create: (id: string, owner: string | undefined, untilMs: number, windowMs: number) => Effect.Effect<void>
  readonly renew: (owner: string, untilMs: number) => Effect.Effect<void>
  /** The owner of a session, and for how long its lease runs. */
  readonly find: (id: string) => Effect.Effect<{ readonly owner: string; readonly leftMs: number }>
  readonly claim: (id: string, owner: string, untilMs: number) => Effect.Effect<void>
  readonly sweep: Effect.Effect<void>
  readonly version: Effect.Effect<number>
  readonly setVersion: (version: number) => Effect.Effect<void>
}

export const ofSqlite = (path: string): Effect.Effect<Former> =>
  Effect.gen(function*() {
    const run = <A>(use: (db: DatabaseSync, now: number) => A) =>
      Effect.map(Effect.clockWith((clock) => clock.currentTimeMillis), (now) => {
        const db = new DatabaseSync(path, { timeout: 5_000 })
        try {
          return use(db, now)
        } finally {
          db.close()
        }
      })
    yield* run((db) =>
      db.exec(`CREATE TABLE sessions (
          id TEXT PRIMARY KEY, owner TEXT, fence INTEGER NOT NULL, until_ms INTEGER NOT NULL,
          window_ms INTEGER NOT NULL, head TEXT NOT NULL, items INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE items (
          session TEXT NOT NULL, n INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (session, n)) STRICT, WITHOUT ROWID;
        CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO secrets VALUES ('key', 'kept');
        PRAGMA application_id = ${0x45665663}; PRAGMA user_version = 1;`)
    )
    return {
      create: (id, owner, untilMs, windowMs) =>
        run((db, now) => {
          db.prepare("INSERT INTO sessions VALUES (?, ?, 1, ?, ?, '{}', 1)").run(
            id,
            owner ?? null,
            now + untilMs,
            windowMs
          )
          db.prepare("INSERT INTO items VALUES (?, 0, '1')").run(id)
        }),
      renew: (owner, untilMs) =>
        run((db, now) => db.prepare("UPDATE sessions SET until_ms = ? WHERE owner = ?").run(now + untilMs, owner)),
      find: (id) =>
        run((db, now) => {
          const row = db.prepare("SELECT owner, until_ms FROM sessions WHERE id = ?").get(id)
          return { owner: String(row?.["owner"]), leftMs: Number(row?.["until_ms"]) - now }
        }),
      claim: (id, owner, untilMs) =>
        run((db, now) =>
          db.prepare("UPDATE sessions SET owner = ?, fence = fence + 1, until_ms = ? WHERE id = ?")
            .run(owner, now + untilMs, id)
        ),
      sweep: run((db, now) => db.prepare("DELETE FROM sessions WHERE until_ms + window_ms <= ?").run(now)),
      version: run((db) => Number(db.prepare("PRAGMA user_version").get()?.["user_version"])),
      setVersion: (version) => run((db) => db.exec(`PRAGMA user_version = ${version}`))
    }
  })

export const ofPostgres = (url: string): Effect.Effect<Former> =>
  Effect.gen(function*() {
    const psql = (statements: string) =>
      Effect.promise(async () =>
        (await promisify(execFile)(psqlPath, ["-d", url, "-At", "-v", "ON_ERROR_STOP=1", "-1", "-c", statements]))
          .stdout
          .trim()
      )
    const run = (statements: string) => Effect.asVoid(psql(statements))
    const inMs = (ms: number) => `clock_timestamp() + interval '${ms} ms'`
    yield* run(`CREATE TABLE effect_voice_meta (version INTEGER NOT NULL);
      CREATE TABLE effect_voice_sessions (
        id TEXT PRIMARY KEY, owner TEXT, fence INTEGER NOT NULL, until TIMESTAMPTZ NOT NULL,
        resume_window INTERVAL NOT NULL, head TEXT NOT NULL, items INTEGER NOT NULL);
      CREATE INDEX effect_voice_sessions_owner ON effect_voice_sessions (owner);
      CREATE TABLE effect_voice_items (
        session TEXT NOT NULL REFERENCES effect_voice_sessions ON DELETE CASCADE,
        n INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (session, n));
      CREATE TABLE effect_voice_secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
      INSERT INTO effect_voice_secrets VALUES ('key', 'kept'); INSERT INTO effect_voice_meta VALUES (1)`)
    return {
      create: (id, owner, untilMs, windowMs) =>
        run(`INSERT INTO effect_voice_sessions VALUES
          ('${id}', ${owner === undefined ? "NULL" : `'${owner}'`}, 1, ${
          inMs(untilMs)
        }, interval '${windowMs} ms', '{}', 1);
          INSERT INTO effect_voice_items VALUES ('${id}', 0, '1')`),
      renew: (owner, untilMs) =>
        run(`UPDATE effect_voice_sessions SET until = ${inMs(untilMs)} WHERE owner = '${owner}'`),
      find: (id) =>
        Effect.map(
          psql(`SELECT owner || ' ' || extract(epoch FROM until - clock_timestamp())::float8 * 1000
            FROM effect_voice_sessions WHERE id = '${id}'`),
          (row) => ({ owner: row.split(" ")[0] ?? "", leftMs: Number(row.split(" ")[1]) })
        ),
      claim: (id, owner, untilMs) =>
        run(`UPDATE effect_voice_sessions SET owner = '${owner}', fence = fence + 1, until = ${inMs(untilMs)}
          WHERE id = '${id}'`),
      sweep: run("DELETE FROM effect_voice_sessions WHERE until + resume_window <= clock_timestamp()"),
      version: Effect.map(psql("SELECT version FROM effect_voice_meta"), Number),
      setVersion: (version) => run(`UPDATE effect_voice_meta SET version = ${version}`)
    }
  })

/** Opens a database of the former version, and uses it beside a process of that version; a lease lasts `leaseMs`. */
export const upgrade = Effect.fnUntraced(function*(
  former: Former,
  owner: Effect.Effect<Store, BackendError, Scope.Scope>,
  pass: (ms: number) => Effect.Effect<void>,
  leaseMs: number
) {
  yield* former.create("live", "former", 60_000, 60_000)
  yield* former.create("released", undefined, -100, 60_000)
  yield* former.create("left", "killed", -100, 60_000)
  yield* former.create("over", undefined, -1_000, 500)
  const [a, b] = yield* Effect.all([owner, owner], { concurrency: 2 })
  assert.strictEqual(yield* former.version, 2)
  assert.strictEqual(yield* a.secret("key", "new"), "kept")
  yield* a.renew
  // the sessions are there, and the leases of the other version count
  assert.strictEqual(yield* a.sweep, 1)
  assert.deepStrictEqual(yield* a.locate("live"), { owner: "former", live: true })
  assert.deepStrictEqual(yield* a.locate("left"), { owner: "killed", live: false })
  assert.isUndefined(yield* a.locate("over"))
  const held = yield* a.claim("live")
  assert.isTrue(held._tag === "Held" && held.forMs > 0 && held.forMs <= leaseMs)
  for (const id of ["released", "left"]) {
    const claim = yield* a.claim(id)
    assert.deepStrictEqual(claim._tag === "Claimed" && [claim.lease.fence, claim.snapshot.items], [2, ["1"]])
  }
  // the other version leaves what this one has alone, whether its lease runs or not
  yield* pass(leaseMs + 100)
  yield* former.renew("former", 60_000)
  yield* former.sweep
  assert.isAbove((yield* former.find("left")).leftMs, 86_400_000)
  assert.deepStrictEqual(yield* b.locate("left"), { owner: a.owner, live: false })
  assert.deepStrictEqual(yield* b.locate("live"), { owner: "former", live: true })
  // and they hand sessions over to each other
  const claim = yield* b.claim("left")
  if (claim._tag !== "Claimed") return assert.fail(claim._tag)
  yield* b.releaseLease(claim.lease)
  assert.isAtMost((yield* former.find("left")).leftMs || 0, 0)
  yield* former.claim("left", "former", 60_000)
  yield* b.renew
  assert.strictEqual((yield* b.claim("left"))._tag, "Held")
  yield* former.renew("former", -100)
  assert.strictEqual((yield* b.claim("left"))._tag, "Claimed")
  assert.strictEqual((yield* b.claim("live"))._tag, "Claimed")
  // one of a later version is refused
  yield* former.setVersion(3)
  const error = yield* Effect.flip(Effect.scoped(owner))
  assert.strictEqual(error.code, "invalid_config")
  assert.match(error.message, /newer schema version 3; this release supports up to 2/u)
})
