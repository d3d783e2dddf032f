/** The leases of owners on a real PostgreSQL: sessions that a stranger locks, and the tables of the former schema. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, type Scope } from "effect"
import { spawn } from "node:child_process"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as Servers from "../support/DatabaseServers.ts"
import * as FormerSchema from "./FormerSchema.ts"

const LEASE_MS = 2_000
const empty = { head: "{}", items: [] }

/** Locks a session, as a stranger's open transaction does; the result ends it. */
const lock = (url: string, id: string): Effect.Effect<Effect.Effect<void>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly end: Effect.Effect<void> }>((resume) => {
      const psql = spawn(Servers.psqlPath, ["-d", url, "-At"], { stdio: ["pipe", "pipe", "inherit"] })
      psql.stdin.write(`BEGIN; SELECT 'locked' FROM effect_voice_sessions WHERE id = '${id}' FOR UPDATE;\n`)
      const end = Effect.callback<void>((done) => {
        if (psql.exitCode !== null) return done(Effect.void)
        psql.once("exit", () => done(Effect.void))
        psql.stdin.end("COMMIT;\n")
      })
      psql.stdout.on("data", (data) => {
        if (String(data).includes("locked")) resume(Effect.succeed({ end }))
      })
    }),
    ({ end }) => end
  ).pipe(Effect.map(({ end }) => end))

/** Fails if it takes as long as a wait for a lock. */
const quick = <A, E>(what: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.map(Effect.timed(effect), ([took, value]) => {
    assert.isBelow(Duration.toMillis(took), 1_500, what)
    return value
  })

describe.skipIf(Servers.missingPostgres !== undefined)("owners in postgres", () => {
  it.live(
    "keep their leases, write, sweep and release while one session is locked",
    () =>
      Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        const owner = PostgresStore.make({ url: Redacted.make(url), lease: LEASE_MS })
        const [a, b] = yield* Effect.all([owner, owner])
        yield* a.create("locked", empty, 0)
        const other = yield* a.create("other", empty, 60_000)
        const [over, left] = [yield* a.create("over", empty, 0), yield* a.create("left", empty, 0)]
        yield* Effect.all([a.releaseLease(over), a.releaseLease(left)])
        const unlock = yield* lock(url, "locked")
        const unlockLeft = yield* lock(url, "left")
        for (let n = 0; n < 2.5 * LEASE_MS; n += 500) {
          yield* quick("renew", a.renew)
          yield* quick("write", a.write(other, { head: "{}", from: n / 500, items: [`${n}`] }))
          assert.deepStrictEqual(yield* quick("locate", b.locate("other")), { owner: a.owner, live: true })
          assert.strictEqual((yield* quick("claim", b.claim("other")))._tag, "Held")
          assert.strictEqual((yield* quick("listOwned", a.listOwned)).length, 2)
          assert.strictEqual(yield* quick("sweep", b.sweep), n === 0 ? 1 : 0)
          yield* Effect.sleep(500)
        }
        yield* unlockLeft
        assert.strictEqual(yield* b.sweep, 1)
        yield* quick("releaseAll", a.releaseAll)
        const claim = yield* quick("claim", b.claim("other"))
        assert.strictEqual(claim._tag === "Claimed" && claim.snapshot.items.length, 10)
        yield* unlock
        // the lease that has ended releases it
        assert.strictEqual((yield* b.claim("locked"))._tag, "Claimed")
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "bring the tables of the former schema to this one, beside a process of the former release",
    () =>
      Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        const former = yield* FormerSchema.ofPostgres(url)
        yield* FormerSchema.upgrade(
          former,
          PostgresStore.make({ url: Redacted.make(url), lease: LEASE_MS }),
          Servers.pause,
          LEASE_MS
        )
      }).pipe(Effect.scoped),
    60_000
  )
})
