/** `serve --workers 3` whose workers are killed and frozen again and again, with sessions in each store that processes share. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { seeded } from "../../recovery/seeded.ts"
import * as DatabaseServers from "../../support/DatabaseServers.ts"
import { WorkersServer } from "./WorkersServer.ts"

const ROUNDS = 10

const stores: ReadonlyArray<{
  readonly kind: string
  readonly missing: string | undefined
  /** `undefined`: a file. */
  readonly url?: Effect.Effect<string, never, Scope.Scope>
}> = [
  { kind: "sqlite", missing: undefined },
  {
    kind: "postgres",
    missing: DatabaseServers.missingPostgres,
    url: Effect.map(Effect.flatMap(DatabaseServers.postgres, DatabaseServers.database), ({ url }) => url)
  },
  { kind: "redis", missing: DatabaseServers.missingRedis, url: Effect.map(DatabaseServers.redis, ({ url }) => url) }
]

describe.skipIf(process.platform !== "linux")("workers that die again and again", () => {
  for (const { kind, missing, url } of stores) {
    it.live.skipIf(missing !== undefined)(`lose no call, and cut no other (${kind})`, () =>
      Effect.gen(function*() {
        const store = url === undefined ? {} : { store: { kind, url: yield* url } }
        yield* Effect.promise(async () => {
          const server = new WorkersServer({ ...store, drain: { mode: "conversation", deadline: "60s" } })
          const random = seeded(`workers that die, ${kind}`)
          try {
            await server.start([], 3)
            // they call the address that they were given again, so that none is passed on by another worker
            const callers = await server.call(6, false)
            for (let round = 0; round < ROUNDS; round++) {
              const victim = server.workers[Math.floor(random() * 3)]
              const cuts = callers.map(({ cuts }) => cuts.length)
              process.kill(victim?.pid ?? 0, random() < 0.5 ? "SIGKILL" : "SIGSTOP")
              await server.until("a new worker", () => server.workers[victim?.index ?? 0]?.pid !== victim?.pid)
              await server.everybodyTalks(callers)
              assert.deepStrictEqual(
                callers.map(({ cuts }) => cuts.length),
                callers.map((caller, at) =>
                  (cuts[at] ?? 0) + (server.ownerOf(caller)?.index === victim?.index ? 1 : 0)
                ),
                `round ${round}`
              )
            }
            assert.deepStrictEqual(callers.flatMap(({ problems }) => problems), [])
            const recoveries = callers.flatMap(({ recoveries }) => recoveries).toSorted((a, b) => a - b)
            const at = (share: number) => Math.round(recoveries[Math.floor(share * (recoveries.length - 1))] ?? 0)
            process.stdout.write(
              `${ROUNDS} workers killed or frozen (${kind}): ${recoveries.length} calls cut, back after p50 ${
                at(0.5)
              } ms, ` +
                `max ${at(1)} ms, the worker's start included; no other call cut\n`
            )
          } finally {
            await server.close()
          }
        })
      }).pipe(Effect.scoped), 900_000)
  }
})
