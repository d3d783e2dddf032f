/**
 * What the writes of a busy process cost its database: 2,000 sessions that each write once a second, through one store.
 * A write is a head of 700 bytes, and an item of 200 bytes with every fourth. PostgreSQL and Redis are started here, on
 * loopback.
 *
 * Usage: `npm run bench -- writes`; `--sessions 500 --seconds 10` for less.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { createClient } from "redis"
import type { BackendError } from "../../src/BackendError.ts"
import type { SessionLease, SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Servers from "../../test/support/DatabaseServers.ts"
import { quantile } from "./Statistics.ts"

type Store = SessionStore["Service"]

const numberOf = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const SESSIONS = numberOf("sessions", 2_000)
const SECONDS = numberOf("seconds", 20)
const TICK_MS = 5
/** Different ones: what stays the same is left out of the log of PostgreSQL. */
const heads = Array.from({ length: 64 }, () => JSON.stringify({ text: randomBytes(517).toString("base64") }))
const item = JSON.stringify({ text: "y".repeat(190) })

/** Counters of a server, which grow. */
interface Counters {
  readonly [name: string]: number
}

/** Writes of all sessions, spread over each second. One whose write before has no answer yet is left out, and counted. */
const writeFor = async (store: Store, leases: ReadonlyArray<SessionLease>, seconds: number) => {
  const sessions = leases.map((lease) => ({ lease, writes: 0, items: 0, isWriting: false }))
  const result = { written: 0, failed: 0, skipped: 0, took: [] as Array<number> }
  const pending = new Set<Promise<void>>()
  const write = async (session: typeof sessions[number]) => {
    const items = session.writes++ % 4 === 0 ? [item] : []
    const head = heads[Math.floor(Math.random() * heads.length)] ?? ""
    const began = performance.now()
    session.isWriting = true
    const exit = await Effect.runPromiseExit(store.write(session.lease, { head, from: session.items, items }))
    session.isWriting = false
    if (exit._tag === "Failure") {
      result.failed++
      return
    }
    session.items += items.length
    result.written++
    result.took.push(performance.now() - began)
  }
  const began = performance.now()
  const due = () => Math.floor((performance.now() - began) / 1_000 * sessions.length)
  for (let next = 0; next < seconds * sessions.length;) {
    for (; next < Math.min(due(), seconds * sessions.length); next++) {
      const session = sessions[next % sessions.length]!
      if (session.isWriting) {
        result.skipped++
        continue
      }
      const done = write(session).finally(() => pending.delete(done))
      pending.add(done)
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  await Promise.all(pending)
  return { ...result, seconds: (performance.now() - began) / 1_000 }
}

const measure = Effect.fnUntraced(function*(name: string, store: Store, read: () => Promise<Counters>) {
  const [head = ""] = heads
  const leases = yield* Effect.forEach(
    Array.from({ length: SESSIONS }, (_, i) => `bench-${process.pid}-${i}`),
    (id) => store.create(id, { head, items: [] }, 60_000),
    { concurrency: 32 }
  )
  const readAll = Effect.promise(read)
  // the first writes find what is compiled or prepared later
  yield* Effect.promise(() => writeFor(store, leases.map((lease) => lease), 2))
  yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1_500)))
  // items of the first writes are not known to the next ones: each session is stored as a whole once
  yield* Effect.forEach(leases, (lease) => store.write(lease, { head, from: 0, items: [] }), {
    concurrency: "unbounded",
    discard: true
  })
  yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1_500)))
  const before = yield* readAll
  const cpuBefore = process.cpuUsage()
  const { failed, seconds, skipped, took, written } = yield* Effect.promise(() => writeFor(store, leases, SECONDS))
  const cpu = process.cpuUsage(cpuBefore)
  yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1_500)))
  const after = yield* readAll
  const perSecond = Object.keys(before).map((key) =>
    `${key} ${Math.round(((after[key] ?? 0) - (before[key] ?? 0)) / seconds).toLocaleString("en")}/s`
  )
  const share = (cpu.user + cpu.system) / 1e4 / seconds
  process.stdout.write(
    `${name.padEnd(9)} ${Math.round(written / seconds)} writes/s (${failed} failed, ${skipped} left out), ` +
      `p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms, ` +
      `process ${share.toFixed(0)} % CPU; ${perSecond.join(", ")}\n`
  )
})

/** CPU of processes, in ms, that a test recognises by their command line. */
const cpuMs = (matches: (commandLine: string) => boolean): number => {
  let ticks = 0
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/u.test(name))) {
    try {
      if (!matches(readFileSync(`/proc/${pid}/cmdline`, "utf8"))) continue
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /su, "").split(" ")
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // it has ended
    }
  }
  return ticks * 10
}

const onPostgres = Effect.gen(function*() {
  const { url } = yield* Servers.postgres
  const store: Store = yield* PostgresStore.make({ url: Redacted.make(url) })
  const query = "SELECT xact_commit, pg_current_wal_lsn() - '0/0'::pg_lsn FROM pg_stat_database " +
    "WHERE datname = current_database()"
  yield* measure("postgres", store, async () => {
    const answer = execFileSync(Servers.psqlPath, ["-d", url, "-At", "-c", query], { encoding: "utf8" })
    const [transactions = 0, walBytes = 0] = answer.trim().split("|").map(Number)
    return {
      transactions,
      "WAL bytes": walBytes,
      "CPU ms of the server": cpuMs((line) => line.startsWith("postgres: voice"))
    }
  })
})

const onRedis = Effect.gen(function*() {
  const { url } = yield* Servers.redis
  const store: Store = yield* RedisStore.make({ url: Redacted.make(url) })
  const client = yield* Effect.acquireRelease(
    Effect.promise(() => createClient({ url }).connect()),
    (client) => Effect.sync(() => client.destroy())
  )
  const port = new URL(url).port
  yield* measure("redis", store, async () => {
    const info = await client.info()
    const of = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "mu").exec(info)?.[1])
    return {
      "commands": of("total_commands_processed"),
      "bytes in": of("total_net_input_bytes"),
      "bytes of the log": of("aof_current_size"),
      "CPU ms of the server": cpuMs((line) => line.includes("redis-server") && line.includes(port))
    }
  })
})

const all: ReadonlyArray<readonly [string | undefined, Effect.Effect<void, BackendError, Scope.Scope>]> = [
  [Servers.missingPostgres, onPostgres],
  [Servers.missingRedis, onRedis]
]
for (const [missing, run] of all) {
  if (missing !== undefined) process.stdout.write(`left out: ${missing}\n`)
  else await Effect.runPromise(Effect.scoped(run))
}
