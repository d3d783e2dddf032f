/** Ways in which each kind of store loses what was written: emptied, a part of it gone, or set back to an older copy. */
import { Clock, Effect, type Scope } from "effect"
import { execFile } from "node:child_process"
import { rmSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { promisify } from "node:util"
import { createClient } from "redis"
import * as MonotonicTime from "../../src/MonotonicTime.ts"
import type * as MemoryStore from "../../src/store/MemoryStore.ts"
import { PREFIX } from "../../src/store/RedisStore.ts"
import type { OwnerLeases, StoreDamage } from "../../src/testing/conformance/Conformance.ts"
import { psqlPath } from "../support/DatabaseServers.ts"

export interface Damage extends StoreDamage {
  /** Everything, with the tables. */
  readonly loseStructure: Effect.Effect<void>
}

export const ofMemory = (table: MemoryStore.Table): Damage => {
  const clear = Effect.sync(() => {
    table.rows.clear()
    table.owners.clear()
    table.secrets.clear()
  })
  const change = (id: string, items: (items: ReadonlyArray<string>) => ReadonlyArray<string>) =>
    Effect.sync(() => {
      const row = table.rows.get(id)
      if (row !== undefined) row.snapshot = { ...row.snapshot, items: items(row.snapshot.items) }
    })
  return {
    loseAll: clear,
    loseStructure: clear,
    loseSession: (id) => Effect.sync(() => table.rows.delete(id)),
    loseItems: (id, n) => change(id, (items) => n === undefined ? [] : items.toSpliced(n, 1)),
    loseHead: (id) =>
      Effect.sync(() => {
        const row = table.rows.get(id)
        if (row !== undefined) row.snapshot = { ...row.snapshot, head: "" }
      }),
    loseOwner: (id) =>
      Effect.sync(() => {
        const row = table.rows.get(id)
        if (row !== undefined) row.owner = undefined
      }),
    addItem: (id, json) => change(id, (items) => [...items, json]),
    copy: Effect.sync(() => {
      const rows = Array.from(table.rows, ([id, row]) => [id, { ...row }] as const)
      const [owners, secrets] = [new Map(table.owners), new Map(table.secrets)]
      return Effect.sync(() => {
        table.rows.clear()
        table.owners.clear()
        for (const [owner, lease] of owners) table.owners.set(owner, lease)
        for (const [id, row] of rows) table.rows.set(id, { ...row })
        table.secrets.clear()
        for (const [name, values] of secrets) table.secrets.set(name, values)
      })
    }),
    count: Effect.sync(() => table.rows.size),
    owners: {
      set: (owner, { agoMs, forMs }) =>
        Effect.map(MonotonicTime.currentMs, (now) => {
          table.owners.set(owner, { sinceMs: now - forMs, untilMs: now - agoMs })
        }),
      lose: (owner) => Effect.sync(() => table.owners.delete(owner)),
      all: Effect.sync(() => Array.from(table.owners.keys()))
    }
  }
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

/** What both SQL stores have; `run` runs statements in a transaction. */
const ofSql = (
  prefix: string,
  exec: (statements: string) => Effect.Effect<void>,
  loseStructure: Effect.Effect<void>,
  copy: Effect.Effect<Effect.Effect<void>>,
  count: Effect.Effect<number>,
  owners: OwnerLeases
): Damage => {
  const where = (id: string) => `WHERE session = ${quote(id)}`
  return {
    loseAll: exec(
      `DELETE FROM ${prefix}items; DELETE FROM ${prefix}sessions; DELETE FROM ${prefix}owners; ` +
        `DELETE FROM ${prefix}secrets;`
    ),
    loseStructure,
    loseSession: (id) =>
      exec(`DELETE FROM ${prefix}items ${where(id)}; DELETE FROM ${prefix}sessions WHERE id = ${quote(id)};`),
    loseItems: (id, n) => exec(`DELETE FROM ${prefix}items ${where(id)}${n === undefined ? "" : ` AND n = ${n}`};`),
    loseHead: (id) => exec(`UPDATE ${prefix}sessions SET head = '' WHERE id = ${quote(id)};`),
    loseOwner: (id) => exec(`UPDATE ${prefix}sessions SET owner = NULL WHERE id = ${quote(id)};`),
    addItem: (id, json) =>
      exec(`INSERT INTO ${prefix}items (session, n, json) VALUES (${quote(id)}, 900, ${quote(json)});`),
    copy,
    count,
    owners
  }
}

export const ofSqlite = (path: string): Damage => {
  const within = <A>(use: (db: DatabaseSync) => A): A => {
    const db = new DatabaseSync(path, { timeout: 5_000 })
    try {
      return use(db)
    } finally {
      db.close()
    }
  }
  const run = (statements: string) => within((db) => db.exec(`BEGIN IMMEDIATE; ${statements} COMMIT`))
  const tables = ["sessions", "items", "owners", "secrets"]
  return ofSql(
    "",
    (statements) => Effect.sync(() => run(statements)),
    // whoever has it open uses the file that is at the path, not the one that was
    Effect.sync(() => {
      for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true })
    }),
    Effect.sync(() => {
      const rows = within((db) => tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()] as const))
      return Effect.sync(() =>
        within((db) => {
          db.exec("BEGIN IMMEDIATE")
          for (const [table, values] of rows) {
            db.exec(`DELETE FROM ${table}`)
            for (const row of values) {
              const names = Object.keys(row)
              db.prepare(`INSERT INTO ${table} (${names.join()}) VALUES (${names.map(() => "?").join()})`)
                .run(...Object.values(row))
            }
          }
          db.exec("COMMIT")
        })
      )
    }),
    Effect.sync(() => within((db) => Number(db.prepare("SELECT count(*) AS count FROM sessions").get()?.["count"]))),
    {
      set: (owner, { agoMs, forMs }) =>
        Effect.map(
          Clock.currentTimeMillis,
          (now) =>
            run(`UPDATE owners SET since_ms = ${now - forMs}, until_ms = ${now - agoMs} WHERE owner = ${quote(owner)};`)
        ),
      lose: (owner) => Effect.sync(() => run(`DELETE FROM owners WHERE owner = ${quote(owner)};`)),
      all: Effect.sync(() =>
        within((db) => db.prepare("SELECT owner FROM owners").all().map((row) => String(row["owner"])))
      )
    }
  )
}

export const ofPostgres = (url: string): Damage => {
  // not synchronous: it may have to wait for a transaction of this process
  const psql = (statements: string) =>
    Effect.promise(async () => {
      const { stdout } = await promisify(execFile)(
        psqlPath,
        ["-d", url, "-At", "-v", "ON_ERROR_STOP=1", "-1", "-c", statements]
      )
      return stdout.trim()
    })
  const exec = (statements: string) => Effect.asVoid(psql(statements))
  const tables = ["effect_voice_sessions", "effect_voice_items", "effect_voice_owners", "effect_voice_secrets"]
  return ofSql(
    "effect_voice_",
    exec,
    exec(`DROP TABLE ${["effect_voice_meta", ...tables].join(", ")} CASCADE`),
    Effect.as(
      exec(
        tables.map((table) => `DROP TABLE IF EXISTS copy_${table}; CREATE TABLE copy_${table} AS TABLE ${table};`).join(
          " "
        )
      ),
      exec(
        `TRUNCATE ${tables.join(", ")}; ` +
          tables.map((table) => `INSERT INTO ${table} SELECT * FROM copy_${table};`).join(" ")
      )
    ),
    Effect.map(psql("SELECT count(*) FROM effect_voice_sessions"), Number),
    {
      set: (owner, { agoMs, forMs }) =>
        exec(`UPDATE effect_voice_owners SET since = clock_timestamp() - interval '${forMs} ms',
          until = clock_timestamp() - interval '${agoMs} ms' WHERE owner = ${quote(owner)}`),
      lose: (owner) => exec(`DELETE FROM effect_voice_owners WHERE owner = ${quote(owner)}`),
      all: Effect.map(psql("SELECT owner FROM effect_voice_owners"), (rows) => rows === "" ? [] : rows.split("\n"))
    }
  )
}

export const ofRedis = (url: string): Effect.Effect<Damage, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => createClient({ url }).connect()),
      (client) => Effect.sync(() => client.destroy())
    ),
    (client): Damage => {
      const run = (use: () => Promise<unknown>) => Effect.asVoid(Effect.promise(use))
      const items = (id: string) => `${PREFIX}i:${id}`
      return {
        loseAll: run(() => client.flushAll()),
        loseStructure: run(() => client.flushAll()),
        loseSession: (id) => run(() => client.del([`${PREFIX}s:${id}`, items(id)])),
        loseItems: (id, n) =>
          n === undefined
            ? run(() => client.del(items(id)))
            : run(async () => {
              if (n >= await client.lLen(items(id))) return
              await client.lSet(items(id), n, "lost")
              await client.lRem(items(id), 1, "lost")
            }),
        loseHead: (id) => run(() => client.hDel(`${PREFIX}s:${id}`, "head")),
        loseOwner: (id) => run(() => client.hDel(`${PREFIX}s:${id}`, "owner")),
        addItem: (id, json) => run(() => client.rPush(items(id), json)),
        copy: Effect.map(
          Effect.promise(async () => {
            const keys = await client.keys(`${PREFIX}*`)
            return Promise.all(keys.map(async (key) => {
              const type = await client.type(key)
              const value = type === "hash"
                ? ["HSET", key, ...Object.entries(await client.hGetAll(key)).flat()]
                : type === "list"
                ? ["RPUSH", key, ...await client.lRange(key, 0, -1)]
                : type === "set"
                ? ["SADD", key, ...await client.sMembers(key)]
                : [
                  "ZADD",
                  key,
                  ...(await client.zRangeWithScores(key, 0, -1)).flatMap(({ score, value }) => [String(score), value])
                ]
              return value
            }))
          }),
          (commands) =>
            run(async () => {
              await client.flushAll()
              for (const command of commands) await client.sendCommand(command)
            })
        ),
        count: Effect.promise(async () => (await client.keys(`${PREFIX}s:*`)).length),
        owners: {
          set: (owner, { agoMs, forMs }) =>
            run(async () => {
              const [seconds, micros] = await client.sendCommand<[string, string]>(["TIME"])
              const nowMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
              await client.hSet(`${PREFIX}owners`, owner, `${nowMs - forMs}:${nowMs - agoMs}`)
            }),
          lose: (owner) => run(() => client.hDel(`${PREFIX}owners`, owner)),
          all: Effect.promise(() => client.hKeys(`${PREFIX}owners`))
        }
      }
    }
  )
