/** Leases while the memory of Redis is full. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { createClient } from "redis"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Servers from "../support/DatabaseServers.ts"

if (Servers.missingRedis !== undefined) process.stderr.write(`skipped, a full Redis: ${Servers.missingRedis}\n`)

describe.skipIf(Servers.missingRedis !== undefined)("RedisStore", () => {
  it.live(
    "renews leases while the memory of Redis is full, and says that it is",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { url } = yield* Servers.redis
        const client = yield* Effect.acquireRelease(
          Effect.promise(() => createClient({ url }).connect()),
          (client) => Effect.sync(() => client.destroy())
        )
        const limit = (bytes: number) => Effect.promise(() => client.configSet("maxmemory", String(bytes)))
        const open = RedisStore.make({ url: Redacted.make(url), lease: "1 second" })
        const [owner, other] = yield* Effect.all([open, open])
        yield* owner.create("s", { head: "{}", items: ["1"] }, 60_000)
        yield* limit(1)
        for (let i = 0; i < 6; i++) {
          yield* Servers.pause(250)
          yield* owner.renew
        }
        assert.strictEqual((yield* Effect.flip(owner.probe)).details?.["reason"], "full")
        yield* limit(0)
        assert.strictEqual((yield* other.claim("s"))._tag, "Held")
      })),
    60_000
  )
})
