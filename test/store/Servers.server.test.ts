/** The stores on real servers: Debian's PostgreSQL and Redis, started here. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Schedule, Scope } from "effect"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Kill from "../recovery/Kill.ts"
import { seeded } from "../recovery/seeded.ts"
import * as Servers from "../support/DatabaseServers.ts"
import { isFull } from "../support/Full.ts"
import * as StoreContract from "./StoreContract.ts"
import * as StoreDamage from "./StoreDamage.ts"

const lease = StoreContract.LEASE_MS

/** One PostgreSQL for all tests that do not stop it: each of them has a database of its own. */
const scope = Scope.makeUnsafe()
const postgres = Effect.runSync(Effect.cached(Scope.provide(Servers.postgres, scope)))
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const stores = [
  [
    "postgres",
    Servers.missingPostgres,
    Servers.postgres,
    Effect.flatMap(postgres, Servers.database),
    PostgresStore.make,
    (url: string) => Effect.sync(() => StoreDamage.ofPostgres(url))
  ],
  ["redis", Servers.missingRedis, Servers.redis, Servers.redis, RedisStore.make, StoreDamage.ofRedis]
] as const

for (const [kind, missing, server, fresh, make, damageOf] of stores) {
  if (missing !== undefined) process.stderr.write(`skipped, sessions in ${kind}: ${missing}\n`)

  describe.skipIf(missing !== undefined)(`sessions in ${kind}`, () => {
    StoreContract.tests(
      Effect.gen(function*() {
        const { url } = yield* fresh
        return { owner: make({ url: Redacted.make(url), lease }), pass: Servers.pause, damage: yield* damageOf(url) }
      }),
      "live"
    )

    it.live(
      "fail typed while the server is away, lose nothing acknowledged, and find it again",
      () =>
        Effect.gen(function*() {
          const { kill, start, url } = yield* server
          const store = yield* make({ url: Redacted.make(url), lease: 60_000 })
          const session = yield* store.create("s", { head: "0", items: [] }, 60_000)
          yield* store.write(session, { head: "1", from: 0, items: ["1"] })
          yield* kill
          const error = yield* Effect.flip(store.write(session, { head: "2", from: 1, items: ["2"] }))
          assert.strictEqual(error.code, "connection_failed")
          assert.deepStrictEqual(error.details, { part: "store", store: kind, reason: "unreachable" })
          assert.notInclude(JSON.stringify(error), "127.0.0.1")
          yield* start
          yield* store.write(session, { head: "2", from: 1, items: ["2"] }).pipe(
            Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "20 seconds" })))
          )
          yield* store.releaseLease(session)
          const claim = yield* (yield* make({ url: Redacted.make(url) })).claim("s")
          assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot, { head: "2", items: ["1", "2"] })
        }).pipe(Effect.scoped),
      60_000
    )

    it.live(
      "are stored again by their owner when the server comes back without anything",
      () =>
        Effect.gen(function*() {
          const { url } = yield* fresh
          const damage = yield* damageOf(url)
          const [a, b] = yield* Effect.all([
            make({ url: Redacted.make(url), lease }),
            make({ url: Redacted.make(url) })
          ])
          const session = yield* a.create("s", { head: "1", items: ["1"] }, 60_000)
          yield* a.secret("key", "secret")
          yield* damage.loseStructure
          assert.deepStrictEqual(yield* a.listOwned, [])
          yield* a.write(session, { head: "2", from: 0, items: ["1", "2"] })
          assert.deepStrictEqual(yield* a.shareSecrets("key", ["secret"]), ["secret"])
          yield* a.renew
          assert.strictEqual((yield* b.claim("s"))._tag, "Held")
          yield* a.releaseAll
          const claim = yield* b.claim("s")
          assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot, { head: "2", items: ["1", "2"] })
          assert.strictEqual(yield* b.secret("key", "other"), "secret")
        }).pipe(Effect.scoped),
      60_000
    )

    it.live(
      "are opened by several processes at once, and never by a URL that makes no sense",
      () =>
        Effect.gen(function*() {
          const { url } = yield* fresh
          yield* Effect.all(Array.from({ length: 5 }, () => make({ url: Redacted.make(url) })), { concurrency: 5 })
          for (
            const wrong of [
              "canary",
              "http://canary",
              url.replace(/:\d+/u, ":1").replace("127.0.0.1", "canary@127.0.0.1")
            ]
          ) {
            const error = yield* Effect.flip(make({ url: Redacted.make(wrong) }))
            assert.include(["connection_failed", "invalid_config"], error.code)
            assert.notInclude(JSON.stringify(error), "canary")
          }
        }).pipe(Effect.scoped),
      60_000
    )

    // the same on SQLite is a test of CI: `recovery/Kill.server.test.ts`
    it.live.skipIf(!isFull)("survive kill -9 of the process that talks", () =>
      Effect.gen(function*() {
        const { url } = yield* fresh
        const report = yield* Effect.promise(() =>
          Kill.run({ kills: 3, callers: 3, store: [kind, url], random: seeded(kind) })
        )
        process.stdout.write(`${kind}: ${Kill.inWords(report)}\n`)
        assert.deepStrictEqual(report.problems, [])
      }).pipe(Effect.scoped), 120_000)
  })
}
