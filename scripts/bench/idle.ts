/**
 * What 2,000 sessions cost their store in which nobody says anything: the lease of their process, and what else a backend
 * repeats. Bytes are those of the write-ahead log in PostgreSQL, and for SQLite all that the process writes to its files.
 *
 * Usage: `npm run bench -- idle`. PostgreSQL is started for it, where it is installed. Linux.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeSessionLeases } from "../../src/backend/sessions/makeSessionLeases.ts"
import type { BackendError } from "../../src/BackendError.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as SqliteStore from "../../src/store/SqliteStore.ts"
import * as Servers from "../../test/support/DatabaseServers.ts"

const SESSIONS = 2_000
const SECONDS = 20
const SETTLE = Duration.seconds(3)
const head = JSON.stringify({ text: "x".repeat(680) })
const items = Array.from({ length: 6 }, () => "y".repeat(200))

interface Count {
  readonly bytes: number
  /** Transactions; not counted for SQLite. */
  readonly transactions: number | undefined
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const perSecond = (after: number, before: number, digits: number) => ((after - before) / SECONDS).toFixed(digits)

const measure = Effect.fnUntraced(
  function*(name: string, make: Effect.Effect<SessionStore["Service"], BackendError, Scope.Scope>, count: () => Count) {
    const inner = yield* make
    const renewals: Array<number> = []
    const renew = Effect.map(Effect.timed(inner.renew), ([took]) => void renewals.push(Duration.toMillis(took)))
    const leases = yield* Effect.provideService(makeSessionLeases, SessionStore, { ...inner, renew })
    yield* Effect.forEach(
      Array.from({ length: SESSIONS }),
      (_, n) => leases.begin(`idle-${n}`, { head, items }, Duration.minutes(1)),
      { concurrency: 8, discard: true }
    )
    yield* Effect.sleep(SETTLE)
    renewals.length = 0
    const [before, cpuBefore] = [count(), process.cpuUsage()]
    yield* Effect.sleep(Duration.seconds(SECONDS))
    const [after, cpu] = [count(), process.cpuUsage(cpuBefore)]
    const transactions = after.transactions === undefined || before.transactions === undefined
      ? ""
      : `${perSecond(after.transactions, before.transactions, 1)} transactions/s, `
    process.stdout.write(
      `${name.padEnd(9)} ${perSecond(after.bytes, before.bytes, 0)} bytes/s, ${transactions}` +
        `${(renewals.length / SECONDS).toFixed(1)} renewals/s of ${median(renewals).toFixed(2)} ms, ` +
        `${((cpu.user + cpu.system) / 1_000 / SECONDS).toFixed(1)} ms CPU/s\n`
    )
  },
  Effect.scoped
)

const postgres = Effect.gen(function*() {
  const { url } = yield* Servers.postgres
  const ask = (query: string) =>
    Number(execFileSync(Servers.psqlPath, ["-d", url, "-At", "-c", query], { encoding: "utf8" }))
  let asked = 0
  yield* measure("postgres", PostgresStore.make({ url: Redacted.make(url) }), () => ({
    bytes: ask("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"),
    // less those of these questions
    transactions: ask("SELECT sum(xact_commit) FROM pg_stat_database WHERE datname = current_database()") - 2 * asked++
  }))
})

const sqlite = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-bench-"))),
  (directory) =>
    measure("sqlite", SqliteStore.make({ path: join(directory, "sessions.db") }), () => ({
      bytes: Number(/^wchar: (\d+)$/mu.exec(readFileSync("/proc/self/io", "utf8"))?.[1]),
      transactions: undefined
    })),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

process.stdout.write(`${SESSIONS} sessions, ${SECONDS} s\n`)
await Effect.runPromise(
  Effect.andThen(sqlite, Servers.missingPostgres === undefined ? Effect.scoped(postgres) : Effect.void)
)
