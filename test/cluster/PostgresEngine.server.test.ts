/** The engine of a cluster on a real PostgreSQL. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Scope } from "effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import * as ClusterSeams from "../../src/cluster/ClusterSeams.ts"
import { Singletons } from "../../src/Singletons.ts"
import { database, type DatabaseServer, missingPostgres, postgres, psqlPath } from "../support/DatabaseServers.ts"
import { some } from "../support/Full.ts"
import { ask, node, soon, whereOf } from "./EngineNodes.ts"

if (missingPostgres !== undefined) process.stderr.write(`skipped: ${missingPostgres}\n`)

const keys = Array.from({ length: 12 }, (_, n) => `key${n}`)

/** A node that runs a job of which the cluster has one. */
const member = Effect.fnUntraced(function*(url: string, locks: "session" | "rows", running: Set<string>) {
  const scope = yield* Effect.flatMap(Effect.scope, Scope.fork)
  const made = yield* node({ storage: { kind: "postgres", url: Redacted.make(url), locks } }).pipe(Scope.provide(scope))
  const seams = yield* ClusterSeams.make.pipe(Scope.provide(scope))
  yield* seams.attach(made.engine).pipe(Scope.provide(scope))
  const singletons = Context.get(yield* Layer.buildWithScope(seams.layer, scope), Singletons)
  yield* singletons.run(
    "test",
    Effect.acquireUseRelease(
      Effect.sync(() => running.add(made.url)),
      () => Effect.never,
      () => Effect.sync(() => running.delete(made.url))
    )
  ).pipe(Scope.provide(scope))
  return { ...made, stop: Scope.close(scope, Exit.void), seams }
})

/** Whether connections have locks that are no rows. */
const advisoryLocks = (url: string) =>
  Effect.promise(async () => {
    const query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    return Number((await promisify(execFile)(psqlPath, ["-d", url, "-Atc", query])).stdout) > 0
  })

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) => effect.pipe(Effect.sandbox, Effect.retry(soon))

describe.skipIf(missingPostgres !== undefined)("the engine on PostgreSQL", () => {
  for (const locks of some(["session", "rows"] as const, 1)) {
    it.live(
      `has each entity and each job once, with locks as ${locks}; another node has them when one ends, or cannot be reached`,
      () => {
        const errors: Array<string> = []
        const logger = Logger.make<unknown, void>(({ logLevel, message }) =>
          logLevel === "Error" || logLevel === "Fatal" ? void errors.push(String(message)) : undefined
        )
        return Effect.gen(function*() {
          const { url } = yield* database(yield* postgres)
          const running = new Set<string>()
          const members = yield* Effect.all([
            member(url, locks, running),
            member(url, locks, running),
            member(url, locks, running)
          ])
          const urls = members.map((each) => each.url)
          const clients = yield* Effect.forEach(members, (each) => whereOf(each.engine, each.url))
          const answers = (at: number) =>
            Effect.forEach(keys, (key) => Effect.timeout(clients[at]!(key).Ask(), "1 second"), { concurrency: 12 })
          const agreeOn = (left: ReadonlyArray<number>) =>
            eventually(Effect.gen(function*() {
              const all = yield* Effect.forEach(left, answers)
              for (const each of all) assert.deepStrictEqual(each, all[0])
              assert.includeMembers(left.map((at) => urls[at]!), [...new Set(all[0])])
              assert.strictEqual(running.size, 1)
            }))
          yield* agreeOn([0, 1, 2])
          // through PgBouncer in transaction mode no lock of a connection may be needed
          assert.strictEqual(yield* advisoryLocks(url), locks === "session")
          // the one that has the job ends
          const holder = urls.findIndex((each) => running.has(each))
          yield* members[holder]!.stop
          const left = [0, 1, 2].filter((at) => at !== holder)
          yield* agreeOn(left)
          assert.isTrue(left.some((at) => running.has(urls[at]!)))
          // one falls away without a word: requests to it fail, and nothing is logged as an error of this process
          const [stays, goes] = left as [number, number]
          yield* members[goes]!.cut
          const gone = yield* Effect.flip(ask(members[stays]!.engine, urls[goes]!, (client) => client.Name()))
          assert.strictEqual(gone._tag, "RpcClientError")
          yield* Effect.exit(answers(stays))
          // until its pings have failed
          yield* eventually(
            Effect.map(members[stays]!.engine.nodes, (nodes) => assert.notInclude(nodes, urls[goes]))
          )
          assert.deepStrictEqual(errors, [])
        }).pipe(Effect.provide(Logger.layer([logger])))
      },
      120_000
    )
  }

  it.live(
    "joins once a database that was away is there, asks nodes while it is away again, and is whole after it",
    () =>
      Effect.gen(function*() {
        const server: DatabaseServer = yield* postgres
        yield* server.kill
        const running = new Set<string>()
        const members = yield* Effect.all([
          member(server.url, "session", running),
          member(server.url, "session", running)
        ])
        const [one, other] = members as [typeof members[0], typeof members[0]]
        assert.strictEqual(yield* ask(one.engine, other.url, (client) => client.Name()), other.url)
        assert.strictEqual((yield* Effect.flip(one.engine.nodes)).details?.["reason"], "store_unreachable")
        yield* server.start
        const whole = eventually(Effect.gen(function*() {
          assert.sameMembers([...(yield* one.engine.nodes)], [one.url, other.url])
          assert.strictEqual(running.size, 1)
        }))
        yield* whole
        yield* server.kill
        assert.strictEqual(
          (yield* eventually(Effect.flip(one.engine.nodes))).details?.["reason"],
          "store_unreachable"
        )
        // what only one may do is done by nobody, rather than by two
        yield* eventually(Effect.sync(() => assert.strictEqual(running.size, 0)))
        assert.strictEqual(yield* ask(one.engine, other.url, (client) => client.Name()), other.url)
        yield* server.start
        yield* whole
      }),
    120_000
  )
})
