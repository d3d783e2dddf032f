/** Leases of owners in Redis: what a renewal costs, and what becomes of keys of an older release, or of keys that are lost. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import { createClient } from "redis"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Servers from "../support/DatabaseServers.ts"

if (Servers.missingRedis !== undefined) process.stderr.write(`skipped, owners in redis: ${Servers.missingRedis}\n`)

const LEASE_MS = 1_000
const HOUR = 3_600_000
const { PREFIX } = RedisStore
const empty = { head: "{}", items: ["1"] }

const start = Effect.gen(function*() {
  const { url } = yield* Servers.redis
  const client = yield* Effect.acquireRelease(
    Effect.promise(() => createClient({ url }).connect()),
    (client) => Effect.sync(() => client.destroy())
  )
  const run = (...words: ReadonlyArray<string>) => Effect.promise(() => client.sendCommand([...words]))
  const number = (...words: ReadonlyArray<string>) => Effect.map(run(...words), Number)
  /** How many commands the server has run. */
  const commands = Effect.map(
    run("INFO", "commandstats"),
    (text) =>
      Array.from(String(text).matchAll(/calls=(\d+)/gu), ([, calls]) => Number(calls)).reduce((sum, n) => sum + n, 0)
  )
  /** A session as a release before the leases of owners has it. */
  const former = (id: string, owner: string, leftMs: number, windowMs: number) => {
    const until = Date.now() + leftMs
    return Effect.all([
      run(
        "HSET",
        `${PREFIX}s:${id}`,
        "owner",
        owner,
        "fence",
        "3",
        "window",
        `${windowMs}`,
        "head",
        "{}",
        "n",
        "1",
        "until",
        `${until}`
      ),
      run("RPUSH", `${PREFIX}i:${id}`, "1"),
      run("SADD", `${PREFIX}o:${owner}`, id),
      run("ZADD", `${PREFIX}all`, `${until + windowMs}`, id)
    ], { discard: true })
  }
  const open = (address = url) => RedisStore.make({ url: Redacted.make(address), lease: LEASE_MS })
  return { client, url, run, number, commands, former, open }
})
type Redis = Effect.Success<typeof start>

const live = (says: string, body: (redis: Redis) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(says, () => Effect.scoped(Effect.flatMap(start, body)), 60_000)

describe.skipIf(Servers.missingRedis !== undefined)("owners in Redis", () => {
  live("renew a thousand leases by a handful of commands", ({ commands, open }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([open(), open()])
      const ids = Array.from({ length: 1_000 }, (_, i) => `s${i}`)
      yield* Effect.forEach(ids, (id) => a.create(id, empty, HOUR), { concurrency: 50, discard: true })
      yield* a.renew
      const before = yield* commands
      for (let i = 0; i < 10; i++) {
        yield* Servers.pause(200)
        yield* a.renew
      }
      // TIME, PEXPIRE, HGET and HSET in a script each, and the question itself
      assert.isAtMost((yield* commands) - before, 60)
      assert.strictEqual((yield* b.claim("s999"))._tag, "Held")
      assert.strictEqual((yield* a.listOwned).length, 1_000)
      yield* a.releaseAll
      assert.deepStrictEqual(yield* a.listOwned, [])
      for (const id of ["s0", "s500", "s999"]) assert.strictEqual((yield* b.claim(id))._tag, "Claimed")
    }))

  live("can begin and be taken over while the memory of Redis is full", ({ open, run }) =>
    Effect.gen(function*() {
      const [a, b, c] = yield* Effect.all([open(), open(), open()])
      const lease = yield* a.create("s", empty, HOUR)
      yield* run("CONFIG", "SET", "maxmemory", "1")
      yield* c.renew
      yield* a.write(lease, { head: "{}", from: 1, items: ["2"] })
      yield* a.releaseLease(lease)
      const claim = yield* b.claim("s")
      assert.deepStrictEqual(claim._tag === "Claimed" && claim.snapshot.items, ["1", "2"])
      assert.strictEqual((yield* c.claim("s"))._tag, "Held")
    }))

  live(
    "take over sessions of a release before, when their own leases have run out",
    ({ former, open }) =>
      Effect.gen(function*() {
        const b = yield* open()
        yield* former("s", "an owner of before", 700, HOUR)
        const held = yield* b.claim("s")
        assert.isTrue(held._tag === "Held" && held.forMs > 0 && held.forMs <= 700)
        assert.deepStrictEqual(yield* b.locate("s"), { owner: "an owner of before", live: true })
        yield* Servers.pause(800)
        assert.deepStrictEqual(yield* b.locate("s"), { owner: "an owner of before", live: false })
        const claim = yield* b.claim("s")
        assert.deepStrictEqual(claim._tag === "Claimed" && [claim.lease, claim.snapshot], [
          { id: "s", fence: 4 },
          empty
        ])
      })
  )

  live(
    "are left alone by a release before, and by a sweep long after it",
    ({ former, number, open }) =>
      Effect.gen(function*() {
        const b = yield* open()
        yield* b.create("new", empty, 0)
        // what the release before asks: whether the lease of the session runs, and whether it has expired
        assert.isAbove(yield* number("HGET", `${PREFIX}s:new`, "until"), Date.now() + HOUR)
        assert.isAbove(yield* number("ZSCORE", `${PREFIX}all`, "new"), Date.now() + HOUR)
        yield* former("cut off", "an owner of before", -30_000, 0)
        yield* former("released", "", -30_000, 0)
        yield* former("in its window", "", -30_000, HOUR)
        yield* b.renew
        assert.strictEqual(yield* b.sweep, 1)
        assert.isUndefined(yield* b.locate("released"))
        for (const id of ["cut off", "in its window", "new"]) assert.isDefined(yield* b.locate(id))
      })
  )

  live("whose lease is lost have the time of a lease to renew it", ({ open, run }) =>
    Effect.gen(function*() {
      const [a, b] = yield* Effect.all([open(), open()])
      yield* a.create("s", empty, HOUR)
      yield* run("HDEL", `${PREFIX}owners`, a.owner)
      const held = yield* b.claim("s")
      assert.isTrue(held._tag === "Held" && held.forMs > 0 && held.forMs <= LEASE_MS)
      yield* a.renew
      yield* Servers.pause(LEASE_MS / 2)
      yield* a.renew
      yield* Servers.pause(LEASE_MS / 2 + 100)
      assert.strictEqual((yield* b.claim("s"))._tag, "Held")
      yield* run("HDEL", `${PREFIX}owners`, a.owner)
      yield* b.claim("s")
      yield* Servers.pause(LEASE_MS + 100)
      assert.strictEqual((yield* b.claim("s"))._tag, "Claimed")
    }))

  live("keep the keys of a session that is not written for days", ({ number, open, run }) =>
    Effect.gen(function*() {
      const a = yield* open()
      yield* a.create("s", empty, 0)
      const keys = [`${PREFIX}s:s`, `${PREFIX}i:s`]
      const soon = Date.now() + HOUR
      yield* run("HSET", `${PREFIX}s:s`, "until", `${soon}`)
      yield* run("ZADD", `${PREFIX}all`, `${soon}`, "s")
      for (const key of keys) yield* run("PEXPIRE", key, `${HOUR}`)
      yield* a.renew
      assert.strictEqual((yield* a.listOwned).length, 1)
      for (const key of keys) assert.isAbove(yield* number("PTTL", key), 24 * HOUR)
      assert.isAbove(yield* number("ZSCORE", `${PREFIX}all`, "s"), Date.now() + 24 * HOUR)
      for (const key of [`${PREFIX}owners`, `${PREFIX}o:${a.owner}`]) {
        assert.isAbove(yield* number("PTTL", key), 24 * HOUR)
      }
    }))

  live(
    "erase in parts what an owner has left whose process has ended",
    ({ number, open, run }) =>
      Effect.gen(function*() {
        const [a, b] = yield* Effect.all([open(), open()])
        const ids = Array.from({ length: 600 }, (_, i) => `s${i}`)
        yield* Effect.forEach(ids, (id) => a.create(id, empty, 0), { concurrency: 50, discard: true })
        // the same process, under the name of one that has ended: none has this start time
        const [where, pid] = a.owner.split("|")
        const gone = `${where}|${pid}|1|gone`
        for (const id of ids) yield* run("HSET", `${PREFIX}s:${id}`, "owner", gone)
        yield* run("RENAME", `${PREFIX}o:${a.owner}`, `${PREFIX}o:${gone}`)
        const long = Date.now() - 100_000
        yield* run("HSET", `${PREFIX}owners`, gone, `${long}:${long}`)
        yield* b.renew
        assert.strictEqual(yield* b.sweep, 600)
        // the leases of the owners are left
        assert.strictEqual(yield* number("DBSIZE"), 1)
        assert.strictEqual(yield* number("HEXISTS", `${PREFIX}owners`, gone), 0)
      })
  )

  live("need no more rights than to run scripts as a whole", ({ open, run, url }) =>
    Effect.gen(function*() {
      yield* run("ACL", "SETUSER", "voice", "on", ">secret", "~*", "+@all", "-evalsha")
      const store = yield* open(url.replace("redis://", "redis://voice:secret@"))
      const lease = yield* store.create("s", empty, HOUR)
      yield* store.write(lease, { head: "{}", from: 1, items: ["2"] })
      yield* store.probe
      assert.deepStrictEqual(yield* store.listOwned, [{ id: "s", fence: 1, items: 2 }])
    }))

  live(
    "cannot be healthy while scripts can only be run by their digests, which a restart forgets",
    ({ open, run, url }) =>
      Effect.gen(function*() {
        yield* run("ACL", "SETUSER", "voice", "on", ">secret", "~*", "+@all")
        const store = yield* open(url.replace("redis://", "redis://voice:secret@"))
        const lease = yield* store.create("s", empty, HOUR)
        yield* store.write(lease, { head: "{}", from: 1, items: ["2"] })
        yield* store.probe
        yield* run("ACL", "SETUSER", "voice", "-eval")
        yield* store.write(lease, { head: "{}", from: 2, items: ["3"] })
        assert.strictEqual((yield* Effect.flip(store.probe)).details?.["reason"], "denied")
        yield* run("SCRIPT", "FLUSH")
        const refused = yield* Effect.flip(store.write(lease, { head: "{}", from: 3, items: ["4"] }))
        assert.strictEqual(refused.details?.["reason"], "denied")
        yield* run("ACL", "SETUSER", "voice", "+eval")
        yield* store.probe
        yield* store.write(lease, { head: "{}", from: 3, items: ["4"] })
      })
  )
})
