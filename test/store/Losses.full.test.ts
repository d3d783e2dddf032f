/** Long and many stories of losses, on each store. */
import { describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as SqliteStore from "../../src/store/SqliteStore.ts"
import * as Servers from "../support/DatabaseServers.ts"
import * as StoreContract from "./StoreContract.ts"
import * as StoreDamage from "./StoreDamage.ts"

const lease = StoreContract.LEASE_MS

describe("sessions in sqlite", () => {
  const directory = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-losses-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const make = Effect.map(directory, (path) => ({
    owner: SqliteStore.make({ path: join(path, "sessions.db"), lease }),
    pass: (ms: number) => TestClock.adjust(ms),
    damage: StoreDamage.ofSqlite(join(path, "sessions.db"))
  }))
  StoreContract.stories(make, "effect", { model: { rounds: 200, steps: 40, settleMs: 130_000 } })
})

const model = { rounds: 10, steps: 12, settleMs: 4_000 }

describe.skipIf(Servers.missingPostgres !== undefined)(`sessions in postgres ${Servers.missingPostgres ?? ""}`, () => {
  const make = Effect.map(Servers.postgres, ({ url }) => ({
    owner: PostgresStore.make({ url: Redacted.make(url), lease }),
    pass: Servers.pause,
    damage: StoreDamage.ofPostgres(url)
  }))
  StoreContract.stories(make, "live", { model })
})

describe.skipIf(Servers.missingRedis !== undefined)(`sessions in redis ${Servers.missingRedis ?? ""}`, () => {
  const make = Effect.gen(function*() {
    const { url } = yield* Servers.redis
    return {
      owner: RedisStore.make({ url: Redacted.make(url), lease }),
      pass: Servers.pause,
      damage: yield* StoreDamage.ofRedis(url)
    }
  })
  StoreContract.stories(make, "live", { model })
})
