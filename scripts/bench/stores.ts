/**
 * What keeping a session costs: writes of a 1 KB head and two items of 200 bytes, one after another and twenty at once.
 *
 * Usage: `npm run bench -- stores`; `EFFECT_VOICE_POSTGRES` and `EFFECT_VOICE_REDIS` name servers to be measured, too.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { BackendError } from "../../src/BackendError.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as SqliteStore from "../../src/store/SqliteStore.ts"

const WRITES = 2_000
const head = JSON.stringify({ text: "x".repeat(1_000) })
const items = ["y".repeat(200), "z".repeat(200)]

const at = (sorted: ReadonlyArray<number>, share: number) =>
  Math.round(1000 * (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN))

const measure = (
  name: string,
  make: Effect.Effect<SessionStore["Service"], BackendError, Scope.Scope>
): Effect.Effect<void, BackendError> =>
  Effect.gen(function*() {
    const store = yield* make
    const write = Effect.fnUntraced(function*(concurrency: number) {
      const leases = yield* Effect.forEach(
        Array.from({ length: concurrency }),
        (_, i) => store.create(`${process.pid}-${concurrency}-${i}`, { head, items: [] }, 60_000)
      )
      const took: Array<number> = []
      const began = performance.now()
      yield* Effect.forEach(leases, (lease) =>
        Effect.gen(function*() {
          for (let n = 0; n < WRITES / concurrency; n++) {
            const started = performance.now()
            yield* store.write(lease, { head, from: (2 * n) % 600, items })
            took.push(performance.now() - started)
          }
        }), { concurrency, discard: true })
      const seconds = (performance.now() - began) / 1000
      yield* Effect.forEach(leases, store.remove, { discard: true })
      const sorted = took.sort((a, b) => a - b)
      return `p50 ${at(sorted, 0.5)} µs, p99 ${at(sorted, 0.99)} µs, ${Math.round(WRITES / seconds)} writes/s`
    })
    process.stdout.write(`${name.padEnd(9)} one at a time: ${yield* write(1)}\n`)
    process.stdout.write(`${"".padEnd(9)} twenty at once: ${yield* write(20)}\n`)
  }).pipe(Effect.scoped)

const directory = mkdtempSync(join(tmpdir(), "effect-voice-bench-"))
const { EFFECT_VOICE_POSTGRES: postgres, EFFECT_VOICE_REDIS: redis } = process.env
await Effect.runPromise(
  Effect.gen(function*() {
    yield* measure("sqlite", SqliteStore.make({ path: join(directory, "sessions.db") }))
    if (postgres !== undefined) yield* measure("postgres", PostgresStore.make({ url: Redacted.make(postgres) }))
    if (redis !== undefined) yield* measure("redis", RedisStore.make({ url: Redacted.make(redis) }))
  })
).finally(() => rmSync(directory, { recursive: true }))
