import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule } from "effect"
import { spawn, spawnSync } from "node:child_process"
import * as Net from "node:net"
import * as RateLimits from "../../src/hooks/RateLimits.ts"
import * as RedisRateLimits from "../../src/store/RedisRateLimits.ts"

const missing = spawnSync("redis-server", ["--version"]).error !== undefined
const title = missing ? "in Redis (skipped: install redis-server)" : "in Redis"

const port = Effect.callback<number>((resume) => {
  const probe = Net.createServer().listen(0, "127.0.0.1", () => {
    const address = probe.address()
    probe.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const redis = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {
        stdio: "ignore"
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const rule = { limit: 3, window: Duration.minutes(1) }

describe.skipIf(missing)(`rate limits ${title}`, () => {
  it.live("are one for all processes, and each counts alone while Redis is away", () =>
    Effect.gen(function*() {
      const at = yield* port
      const url = `redis://127.0.0.1:${at}`
      const server = yield* redis(at)
      const connect = RedisRateLimits.open(url).pipe(
        Effect.retry(Schedule.upTo(Schedule.spaced("100 millis"), { times: 50 })),
        Effect.flatMap((store) => RateLimits.makeCount(store)),
        Effect.map(({ count }) => count)
      )
      const [one, two] = yield* Effect.all([connect, connect])
      const answers = yield* Effect.forEach([one, two, one, two], (count) => count("create:user:ada", rule))
      assert.deepStrictEqual(answers.slice(0, 3), [undefined, undefined, undefined])
      assert.isAbove(answers[3] ?? 0, 15_000)
      server.kill("SIGKILL")
      assert.strictEqual(yield* one("create:user:ada", rule), undefined)
      assert.strictEqual(yield* one("create:user:ada", { ...rule, limit: 1 }), undefined)
    }).pipe(Effect.scoped), 20_000)

  it.live("tell neither address nor password when they can't be opened", () =>
    Effect.gen(function*() {
      for (const url of [`redis://:canary@127.0.0.1:${yield* port}`, "canary", "http://canary"]) {
        const error = yield* Effect.flip(RedisRateLimits.open(url))
        assert.include(["connection_failed", "invalid_config"], error.code)
        assert.notInclude(JSON.stringify(error), "canary")
      }
    }).pipe(Effect.scoped), 20_000)
})
