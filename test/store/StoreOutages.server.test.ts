/**
 * A running backend while its session store is away, full, read-only, damaged or changed, in a random order of faults: real
 * PostgreSQL and Redis, started here, and SQLite on a small file system.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Redacted, References, Result, Schedule, Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { execFileSync, spawnSync } from "node:child_process"
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { createClient } from "redis"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../src/BackendError.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as SqliteStore from "../../src/store/SqliteStore.ts"
import { seeded } from "../recovery/seeded.ts"
import { layer } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import * as Servers from "../support/DatabaseServers.ts"

interface Fault {
  readonly name: string
  /** What the health report says. */
  readonly says: RegExp
  /** Sessions can be created until the probe finds it. */
  readonly isPartial?: true
  readonly begin: Effect.Effect<unknown>
  readonly end: Effect.Effect<unknown>
}

const SEED = process.env["STORE_OUTAGES_SEED"] ?? "1"

const shuffled = (kind: string, faults: ReadonlyArray<Fault>): ReadonlyArray<Fault> => {
  const random = seeded(`${kind} ${SEED}`)
  return faults.map((fault) => [random(), fault] as const).toSorted(([a], [b]) => a - b).map(([, fault]) => fault)
}

/** A busy machine refuses sessions for other reasons. */
const config = { overload: { maxLag: Duration.seconds(10), maxBacklog: Duration.seconds(30) } }

const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: "30 seconds" })))

const outages = Effect.fnUntraced(function*(
  store: Layer.Layer<SessionStore, BackendError>,
  faults: ReadonlyArray<Fault>
) {
  const lines: Array<string> = []
  const logger = Logger.make((entry) => {
    const { part } = entry.fiber.getRef(References.CurrentLogAnnotations)
    if (part === "store") lines.push(String(entry.message).replace(/ after .*/u, ""))
  })
  const program = Effect.gen(function*() {
    const backend = yield* VoiceBackend
    const create = backend.createSession({ userId: "u", transport: "websocket" })
    const live = yield* create
    yield* live.attach(new TestConnection())
    const part = Effect.map(backend.healthCheck, (health) => ({
      status: health.status,
      store: health.parts.find(({ name }) => name === "store")
    }))
    for (const { begin, end, name, says } of faults) {
      lines.length = 0
      yield* begin
      const at = performance.now()
      const refused = Effect.matchEffect(create, {
        onFailure: (error) => Effect.succeed(error),
        onSuccess: () => Effect.die(new Error(`${name}: a session was created`))
      })
      // one that nothing has to be stored of yet may still be created
      const first = yield* Effect.result(create)
      if (Result.isFailure(first)) assert.include(["connection_failed", "timeout"], first.failure.code, name)
      else yield* Effect.forkChild(Effect.ignore(backend.closeSession(first.success.id)))
      assert.isBelow(performance.now() - at, 8_000, `${name}: the first answer`)
      // the first sign may be a connection that is lost; the cause follows
      const { status } = yield* soon(
        Effect.flatMap(part, (found) =>
          found.store?.status === "unhealthy" && says.test(found.store.cause ?? "")
            ? Effect.succeed(found)
            : Effect.fail(`${name}: ${JSON.stringify(found)}`))
      )
      assert.strictEqual(status, "degraded", name)
      assert.isTrue(yield* backend.ready, name)
      // nobody waits for what is known
      const since = performance.now()
      const refusals = yield* Effect.all(Array.from({ length: 20 }, () => refused), { concurrency: 20 })
      assert.isBelow(performance.now() - since, 3_000, `${name}: further refusals`)
      for (const refusal of refusals) {
        assert.strictEqual(refusal.code, "connection_failed", name)
        assert.isAbove(Number(refusal.details?.["retryAfterMs"]), 0, name)
        assert.notMatch(JSON.stringify(refusal), /127\.0\.0\.1|canary|voice@/u, name)
      }
      // who talks is served, and who comes back
      yield* live.attach(new TestConnection())
      assert.notStrictEqual(yield* live.state.get, "closed", name)
      yield* end
      const next = yield* soon(create)
      yield* backend.closeSession(next.id)
      yield* soon(
        Effect.flatMap(part, (found) => found.store?.status === "healthy" ? Effect.void : Effect.fail(found))
      )
      assert.deepStrictEqual(lines, ["store is unhealthy", "store is healthy again"], name)
    }
    assert.notStrictEqual(yield* live.state.get, "closed")
  })
  yield* Effect.scoped(
    Effect.flatMap(
      Layer.build(layer({ config }).pipe(Layer.provide(store))),
      (context) => Effect.provide(program, context)
    )
  ).pipe(Effect.provide(Logger.layer([logger])))
})

const postgres: Effect.Effect<void, unknown, Scope.Scope> = Effect.gen(function*() {
  const { kill, start, url } = yield* Servers.postgres
  const sql = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 2 }).pipe(
    Effect.provide(Reactivity.layer)
  )
  const run = (...statements: ReadonlyArray<string>) =>
    Effect.forEach(statements, (statement) => soon(sql.unsafe(statement)), { discard: true }).pipe(
      Effect.orDie,
      // a connection ends a moment after it was told to
      Effect.andThen(Servers.pause(300))
    )
  const disconnect = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"
  yield* run("CREATE ROLE app LOGIN", "GRANT CREATE, USAGE ON SCHEMA public TO app")
  const tables = ["sessions", "items", "secrets", "meta"].map((name) => `effect_voice_${name}`)
  const own = (role: string) => tables.map((table) => `ALTER TABLE ${table} OWNER TO ${role}`)
  const scope = yield* Effect.scope
  const faults: ReadonlyArray<Fault> = [
    { name: "stopped", says: /refuses connections|shutting down|closed|lost/u, begin: kill, end: start },
    {
      name: "read-only",
      says: /read-only.*25006/u,
      begin: run("ALTER ROLE app SET default_transaction_read_only = on", disconnect),
      end: run("ALTER ROLE app RESET default_transaction_read_only", disconnect)
    },
    {
      name: "a table gone",
      says: /lost one of its tables.*42P01/u,
      begin: run("ALTER TABLE effect_voice_items RENAME TO gone"),
      end: run("ALTER TABLE gone RENAME TO effect_voice_items")
    },
    {
      name: "the table of the schema's version gone",
      says: /lost one of its tables.*42P01/u,
      begin: run("ALTER TABLE effect_voice_meta RENAME TO gone"),
      end: run("ALTER TABLE gone RENAME TO effect_voice_meta")
    },
    {
      name: "a newer schema",
      says: /schema of a newer release|other columns/u,
      begin: run(
        "UPDATE effect_voice_meta SET version = 9",
        "ALTER TABLE effect_voice_sessions RENAME COLUMN head TO state"
      ),
      end: run(
        "ALTER TABLE effect_voice_sessions RENAME COLUMN state TO head",
        "UPDATE effect_voice_meta SET version = 1"
      )
    },
    {
      name: "rights revoked",
      says: /lacks the rights.*42501/u,
      begin: run(...own("voice")),
      end: run(...own("app"))
    },
    {
      name: "the right to store secrets revoked",
      isPartial: true,
      says: /lacks the rights.*42501/u,
      begin: run("REVOKE INSERT ON effect_voice_secrets FROM app"),
      end: run("GRANT INSERT ON effect_voice_secrets TO app")
    },
    {
      name: "login revoked",
      says: /refuses the credentials.*28/u,
      begin: run("ALTER ROLE app NOLOGIN", disconnect),
      end: run("ALTER ROLE app LOGIN")
    },
    {
      name: "too many connections",
      says: /too many connections.*53300/u,
      begin: run("ALTER ROLE app CONNECTION LIMIT 0", disconnect),
      end: run("ALTER ROLE app CONNECTION LIMIT -1")
    },
    {
      name: "a locked table",
      says: /a lock is held.*55P03/u,
      begin: Effect.suspend(() => {
        // a connection of its own, which holds the lock until it is cut
        const locking = sql.unsafe("LOCK TABLE effect_voice_sessions IN ACCESS EXCLUSIVE MODE").pipe(
          Effect.andThen(sql.unsafe("SELECT pg_sleep(600)")),
          sql.withTransaction
        )
        return Effect.andThen(Effect.forkScoped(Effect.ignoreCause(locking)), Servers.pause(500))
      }).pipe(Effect.provideService(Scope.Scope, scope)),
      end: run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'")
    }
  ]
  const asApp = url.replace("voice@", "app@")
  yield* outages(PostgresStore.layer({ url: Redacted.make(asApp) }), shuffled("postgres", faults))
})

const redis: Effect.Effect<void, unknown, Scope.Scope> = Effect.gen(function*() {
  const { kill, start, url } = yield* Servers.redis
  const send = (...commands: ReadonlyArray<string>) =>
    soon(Effect.tryPromise(async () => {
      const client = createClient({ url, socket: { reconnectStrategy: false } })
      client.on("error", () => {})
      await client.connect()
      try {
        for (const command of commands) await client.sendCommand(command.split(" "))
      } finally {
        client.destroy()
      }
    })).pipe(Effect.orDie)
  const disconnect = "CLIENT KILL TYPE normal SKIPME yes"
  const faults: ReadonlyArray<Fault> = [
    { name: "stopped", says: /refuses connections|closed|cannot be reached/u, begin: kill, end: start },
    {
      name: "full",
      says: /memory limit.*OOM/u,
      begin: send("CONFIG SET maxmemory 1"),
      end: send("CONFIG SET maxmemory 0")
    },
    {
      name: "a replica",
      says: /read-only replica.*READONLY/u,
      begin: send("REPLICAOF 127.0.0.1 1"),
      end: send("REPLICAOF NO ONE")
    },
    {
      name: "too few replicas",
      says: /too few replicas/u,
      begin: send("CONFIG SET min-replicas-to-write 3"),
      end: send("CONFIG SET min-replicas-to-write 0")
    },
    {
      name: "the user's rights revoked",
      says: /lacks the rights.*NOPERM/u,
      begin: send("ACL SETUSER default -eval -evalsha"),
      end: send("ACL SETUSER default +eval +evalsha")
    },
    {
      name: "hanging",
      says: /timed out/u,
      begin: send("CLIENT PAUSE 10000 ALL"),
      end: Effect.void
    },
    {
      name: "the right to one command revoked",
      isPartial: true,
      says: /lacks the rights/u,
      begin: send("ACL SETUSER default -ltrim"),
      end: send("ACL SETUSER default +ltrim")
    },
    {
      name: "connections cut, keys of another kind",
      says: /other data under its keys/u,
      begin: send(disconnect, "RENAME effect-voice:all moved", "SET effect-voice:all x"),
      end: send("DEL effect-voice:all", "RENAME moved effect-voice:all")
    }
  ]
  yield* outages(RedisStore.layer({ url: Redacted.make(url) }), shuffled("redis", faults))
})

/** A file system of 2 MB, or why there is none. */
const mount = (directory: string): string | undefined => {
  const { error, status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", directory])
  return status === 0 ? undefined : `mount failed: ${error?.message ?? String(stderr)}`
}

const sqlite: Effect.Effect<void, unknown, Scope.Scope> = Effect.gen(function*() {
  const directory = mkdtempSync(join(tmpdir(), "effect-voice-small-"))
  const missing = mount(directory)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (missing === undefined) execFileSync("umount", ["-l", directory])
      rmSync(directory, { recursive: true, force: true })
    })
  )
  const path = join(directory, "in", "sessions.db")
  const fill = join(directory, "fill")
  let locking: DatabaseSync | undefined
  const faults: ReadonlyArray<Fault> = [
    ...(missing !== undefined ? [] : [
      {
        name: "full",
        says: /disk is full.*SQLITE_FULL/u,
        begin: Effect.sync(() => {
          for (let size = 1 << 20; size >= 1; size >>= 1) {
            try {
              for (;;) writeFileSync(fill, Buffer.alloc(size), { flag: "a" })
            } catch {
              // what is left is less
            }
          }
        }),
        end: Effect.sync(() => rmSync(fill))
      }
    ]),
    {
      name: "locked",
      says: /another process has its file/u,
      begin: Effect.sync(() => {
        locking = new DatabaseSync(path)
        locking.exec("BEGIN IMMEDIATE")
      }),
      end: Effect.sync(() => locking?.close())
    },
    {
      name: "damaged",
      says: /damaged/u,
      begin: Effect.sync(() => {
        const other = new DatabaseSync(path)
        other.exec("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        const file = openSync(path, "r+")
        for (let at = 4_096; at < fstatSync(file).size; at += 4_096) {
          writeSync(file, Buffer.alloc(4_000, 0x5a), 0, 4_000, at)
        }
        closeSync(file)
      }),
      // a new one is made, and told for 30 s
      end: Effect.andThen(
        Effect.sync(() => rmSync(path)),
        Servers.pause(31_000)
      )
    }
  ]
  if (missing !== undefined) process.stderr.write(`skipped, a full disk: ${missing}\n`)
  yield* outages(SqliteStore.layer({ path }), shuffled("sqlite", faults))
})

const kinds = [
  ["postgres", Servers.missingPostgres, postgres],
  ["redis", Servers.missingRedis, redis],
  ["sqlite", undefined, sqlite]
] as const

for (const [kind, missing, test] of kinds) {
  if (missing !== undefined) process.stderr.write(`skipped, outages of ${kind}: ${missing}\n`)
  // side by side: most of their time is spent waiting
  describe.skipIf(missing !== undefined)(`outages of ${kind} (order ${SEED})`, { concurrent: true }, () => {
    it.live("are told in plain words, cost no call, and end by themselves", () => Effect.scoped(test), 240_000)
  })
}
