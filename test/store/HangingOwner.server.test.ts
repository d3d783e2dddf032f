/** An owner that hangs in the middle of a transaction, whose locks keep others from its session. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as Servers from "../support/DatabaseServers.ts"

const file = fileURLToPath(new URL("HangingOwner.ts", import.meta.url))

const owner = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, ["--conditions=@effect-voice/source", file, url], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

if (Servers.missingPostgres !== undefined) {
  process.stderr.write(`skipped, a hanging owner: ${Servers.missingPostgres}\n`)
}

describe.skipIf(Servers.missingPostgres !== undefined)("PostgresStore", () => {
  it.live(
    "takes over the session of a process that hangs in the middle of a transaction",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        const sql = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 1 }).pipe(
          Effect.provide(Reactivity.layer)
        )
        const store = yield* PostgresStore.make({ url: Redacted.make(url) })
        const child = yield* owner(url)
        const locked = sql`SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE state = 'idle in transaction' AND mode = 'RowExclusiveLock'`
        const stopInTransaction = Effect.gen(function*() {
          child.kill("SIGCONT")
          child.kill("SIGSTOP")
          yield* Servers.pause(20)
          const held = yield* locked
          if (held.length === 0) return yield* Effect.fail("it holds no lock")
        })
        yield* Effect.retry(stopInTransaction, Schedule.spaced("5 millis").pipe(Schedule.upTo({ times: 2_000 })))
        assert.isTrue((yield* Effect.exit(store.claim("hanging")))._tag === "Failure", "its row is locked")
        const claim = yield* Effect.retry(
          Effect.filterOrFail(store.claim("hanging"), ({ _tag }) => _tag === "Claimed"),
          Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: "20 seconds" }))
        )
        assert.strictEqual(claim._tag, "Claimed")
      })),
    120_000
  )
})
