/** Stores whose server is replaced by another at the same name, waits for a replica that is gone, or is set up oddly. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schedule, type Scope } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { connect, createServer, type Socket } from "node:net"
import { createClient } from "redis"
import type { BackendError } from "../../src/BackendError.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Servers from "../support/DatabaseServers.ts"

type Store = SessionStore["Service"]

const empty = { head: "{}", items: [] }
const portOf = (url: string) => Number(new URL(url).port)
const at = (url: string, port: number) => url.replace(/:\d+/u, `:${port}`)

/** A name that leads to one server, and later to another: connections that are open stay where they are. */
const makeName = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; leadTo: (port: number) => void; close: () => void }>((resume) => {
      let target = port
      const sockets = new Set<Socket>()
      const server = createServer((near) => {
        const far = connect(target, "127.0.0.1")
        near.pipe(far).pipe(near)
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => [near, far].forEach((each) => each.destroy()))
        }
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed({
          port: typeof address === "object" && address !== null ? address.port : 0,
          leadTo: (port) => {
            target = port
          },
          close: () => {
            server.close()
            for (const socket of sockets) socket.destroy()
          }
        }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

const psql = (url: string, statement: string) => {
  const { pathname, port } = new URL(url)
  const args = ["-h", "127.0.0.1", "-p", port, "-U", "voice", "-At", "-c", statement, pathname.slice(1)]
  return execFileSync(Servers.psqlPath, args, { encoding: "utf8" }).trim()
}

const redis = (url: string, ...command: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const client = createClient({ url })
    await client.connect()
    await client.sendCommand([...command])
    client.destroy()
  })

const becomesOk = (effect: Effect.Effect<void, BackendError>, duration: "20 seconds" | "60 seconds") =>
  Effect.retry(effect, Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration })))

const postgres = (url: string): Effect.Effect<Store, BackendError, Scope.Scope> =>
  PostgresStore.make({ url: Redacted.make(url) })

const live = (says: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(says, () => Effect.scoped(body), 180_000)

// beside all others: a connection is kept for 30 s
describe.skipIf(Servers.missingPostgres !== undefined)("PostgreSQL whose primary changes", { concurrent: true }, () => {
  live(
    "is left for the new primary when the former one is a standby and keeps its connections",
    Effect.gen(function*() {
      const [former, next] = yield* Effect.all([Servers.postgres, Servers.postgres])
      const name = yield* makeName(portOf(former.url))
      const store = yield* postgres(at(former.url, name.port))
      const lease = yield* store.create("s", empty, 60_000)
      yield* store.probe
      // as on a standby, in all connections
      psql(former.url, "ALTER SYSTEM SET default_transaction_read_only = on")
      psql(former.url, "SELECT pg_reload_conf()")
      name.leadTo(portOf(next.url))
      yield* Effect.retry(
        Effect.flip(store.probe),
        Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))
      )
      yield* becomesOk(store.probe, "60 seconds")
      yield* becomesOk(store.write(lease, { head: "{}", from: 0, items: ["1"] }), "60 seconds")
      assert.strictEqual(psql(next.url, "SELECT count(*) FROM effect_voice_items"), "1")
    })
  )
})

describe("one after another", { concurrent: true }, () => {
  describe.skipIf(Servers.missingPostgres !== undefined)("PostgreSQL", { concurrent: false }, () => {
    live(
      "waits for a replica that is gone, and nobody waits for it longer than he wants to",
      Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        const store = yield* postgres(url)
        const lease = yield* store.create("s", empty, 60_000)
        psql(url, "ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        psql(url, "SELECT pg_reload_conf()")
        yield* Servers.pause(500)
        const write = store.write(lease, { head: "{}", from: 0, items: ["1"] })
        for (const effect of [write, store.probe, store.create("t", empty, 60_000)]) {
          const began = performance.now()
          assert.strictEqual((yield* Effect.timeoutOption(effect, "1 second"))._tag, "None")
          assert.isBelow(performance.now() - began, 4_000)
        }
        psql(url, "ALTER SYSTEM RESET synchronous_standby_names")
        psql(url, "SELECT pg_reload_conf()")
        yield* becomesOk(store.probe, "20 seconds")
        yield* store.write(lease, { head: "{}", from: 0, items: ["1", "2"] })
      })
    )

    live(
      "names a lock, and renews leases, while all connections of the sessions wait for it",
      Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        const store = yield* postgres(url)
        const leases = yield* Effect.forEach(["a", "b", "c", "d", "e", "f"], (id) => store.create(id, empty, 60_000))
        const statement = "BEGIN; LOCK TABLE effect_voice_items IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(30)"
        const lock = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(Servers.psqlPath, [
              "-h",
              "127.0.0.1",
              "-p",
              String(portOf(url)),
              "-U",
              "voice",
              "-c",
              statement,
              "postgres"
            ], {
              stdio: "ignore"
            })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        yield* Effect.retry(
          Effect.suspend(() =>
            psql(url, "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted") === "0"
              ? Effect.fail("no lock")
              : Effect.void
          ),
          Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 100 }))
        )
        const writes = yield* Effect.forEach(
          leases,
          (lease) => Effect.forkChild(Effect.exit(store.write(lease, { head: "{}", from: 0, items: ["1"] })))
        )
        yield* Servers.pause(300)
        assert.strictEqual((yield* Effect.timeoutOption(store.renew, "2 seconds"))._tag, "Some")
        assert.match((yield* Effect.flip(store.probe)).message, /busy: a lock is held.*55P03/u)
        lock.kill("SIGKILL")
        psql(
          url,
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        )
        for (const write of writes) yield* Fiber.join(write)
        yield* becomesOk(store.probe, "20 seconds")
      })
    )

    live(
      "stores sessions of many at once though its default isolation is serializable",
      Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        psql(url, "ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'")
        const stores = yield* Effect.all([postgres(url), postgres(url)])
        const each = Array.from({ length: 30 }, (_, i) => i)
        yield* Effect.forEach(each, (i) =>
          Effect.gen(function*() {
            const store = stores[i % 2]!
            const lease = yield* store.create(`s${i}`, { head: "{}", items: ["1"] }, 60_000)
            yield* Effect.all([store.renew, store.write(lease, { head: "{}", from: 1, items: ["2"] })], {
              concurrency: 2
            })
            yield* store.shareSecrets("key", [`secret ${i % 3}`])
          }), { concurrency: 10, discard: true })
        assert.strictEqual((yield* stores[0].listOwned).length, 15)
      })
    )

    live(
      "is refused when its encoding cannot hold every text, or it offers no TLS",
      Effect.gen(function*() {
        const { url } = yield* Servers.postgres
        psql(url, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        const latin = yield* Effect.flip(postgres(url.replace(/postgres$/u, "latin")))
        assert.strictEqual(latin.code, "invalid_config")
        assert.match(latin.message, /encoding LATIN1/u)
        psql(url, "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        const store = yield* postgres(url.replace(/postgres$/u, "ascii"))
        const lease = yield* store.create("s", { head: "{}", items: ["\"☂ 𝄞\""] }, 60_000)
        yield* store.releaseLease(lease)
        const claim = yield* store.claim("s")
        assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot.items, ["\"☂ 𝄞\""])
        assert.match((yield* Effect.flip(postgres(`${url}?sslmode=require`))).message, /does not offer TLS/u)
      })
    )
  })

  describe.skipIf(Servers.missingRedis !== undefined)("Redis", { concurrent: false }, () => {
    live(
      "is left for the new primary when the former one is a replica and keeps its connections",
      Effect.gen(function*() {
        const [former, next] = yield* Effect.all([Servers.redis, Servers.redis])
        const name = yield* makeName(portOf(former.url))
        const store = yield* RedisStore.make({ url: Redacted.make(at(former.url, name.port)) })
        const lease = yield* store.create("s", empty, 60_000)
        yield* redis(former.url, "REPLICAOF", "127.0.0.1", String(portOf(next.url)))
        name.leadTo(portOf(next.url))
        assert.strictEqual((yield* Effect.flip(store.probe)).details?.["reason"], "read_only")
        yield* becomesOk(store.probe, "20 seconds")
        yield* becomesOk(store.write(lease, { head: "{}", from: 0, items: ["1"] }), "20 seconds")
        assert.strictEqual((yield* store.listOwned).length, 1)
      })
    )

    live(
      "is refused when its URL names no database, or it does not speak TLS",
      Effect.gen(function*() {
        const { url } = yield* Servers.redis
        const open = (url: string) => Effect.flip(RedisStore.make({ url: Redacted.make(url) }))
        for (const path of ["/abc", "/0/1", "/-1"]) {
          assert.strictEqual((yield* open(`${url}${path}`)).code, "invalid_config")
        }
        assert.match((yield* open(`${url}/99`)).message, /no database of the number/u)
        assert.match((yield* open(url.replace("redis:", "rediss:"))).message, /does not speak TLS/u)
        const fifth = yield* RedisStore.make({ url: Redacted.make(`${url}/5`) })
        yield* fifth.create("s", empty, 60_000)
        assert.strictEqual((yield* (yield* RedisStore.make({ url: Redacted.make(url) })).claim("s"))._tag, "Unknown")
      })
    )
  })
})
