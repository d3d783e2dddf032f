/** What a client of the application's own may do to a store: answer nothing, or be one of another database. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, Statement } from "effect/sql"
import { TestClock } from "effect/testing"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"

/** Answers what a store asks at its start. */
const redis = (rest: (command: string) => Effect.Effect<unknown, unknown>) => {
  let isOpen = false
  return {
    send: (command: string, ...args: ReadonlyArray<string>): Effect.Effect<unknown, unknown> => {
      if (isOpen) return rest(command)
      if (command === "INFO") return Effect.succeed("redis_mode:standalone")
      isOpen = true
      return Effect.succeed(args[2])
    }
  }
}

describe("a Redis client of the application", () => {
  it.effect("that does not answer costs each caller 5 s, and from 10,000 commands on nothing", () =>
    Effect.gen(function*() {
      let sent = 0
      const store = yield* RedisStore.makeClient(redis(() => {
        sent++
        return Effect.never
      }))
      const first = yield* Effect.forkChild(Effect.flip(store.renew))
      yield* TestClock.adjust("4900 millis")
      assert.isUndefined(first.pollUnsafe())
      yield* TestClock.adjust("200 millis")
      const error = yield* Fiber.join(first)
      assert.deepStrictEqual([error.code, error.details], [
        "connection_failed",
        { part: "store", store: "redis", reason: "unreachable" }
      ])
      const others = yield* Effect.forEach(
        Array.from({ length: 10_500 }),
        () => Effect.forkChild(Effect.flip(store.renew))
      )
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(sent, 10_000)
      const last = yield* Fiber.join(others.at(-1)!)
      assert.strictEqual(last.details?.["reason"], "overloaded")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.joinAll(others)
    }))

  it.effect("whose failures have secrets in them tells none", () =>
    Effect.gen(function*() {
      const store = yield* RedisStore.makeClient(
        redis(() => Effect.fail({ message: "cannot reach redis://:canary@cache:6379" }))
      )
      const error = yield* Effect.flip(store.renew)
      assert.notInclude(JSON.stringify(error) + error.message, "canary")
      const dying = yield* RedisStore.makeClient(redis(() => Effect.die(new TypeError("canary"))))
      assert.strictEqual((yield* Effect.flip(dying.renew)).code, "connection_failed")
    }))

  it.effect("of a cluster is refused", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RedisStore.makeClient({ send: () => Effect.succeed("redis_mode:cluster") }))
      assert.deepStrictEqual([error.code, error.details?.["reason"]], ["invalid_config", "unsupported"])
    }))
})

describe("a SqlClient of the application", () => {
  it.effect("of another database is refused", () =>
    Effect.gen(function*() {
      const sqlite = SqlClient.make({
        acquirer: Effect.die("not used"),
        compiler: Statement.makeCompilerSqlite(),
        driver: "sqlite",
        spanAttributes: []
      }).pipe(Effect.provide(Reactivity.layer))
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(PostgresStore.layerClient())).pipe(
          Effect.provideServiceEffect(SqlClient.SqlClient, sqlite)
        )
      )
      assert.deepStrictEqual([error.code, error.message], [
        "invalid_config",
        "the session store postgres needs a SqlClient of PostgreSQL, such as that of @effect/sql-pg"
      ])
    }))
})
