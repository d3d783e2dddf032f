/**
 * The host of a store vanishes without a word, as in a failover: what was connected to it is never answered again, and not
 * closed either. New connections are answered, by the host that has its address now.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schedule, type Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { type BackendError, ConnectionFailed } from "../../src/BackendError.ts"
import type { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Servers from "../support/DatabaseServers.ts"

const empty = { head: "{}", items: [] }

/** An address that leads to a server; `vanish` lets all connections of before hang for ever. */
const address = (to: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const target = Number(new URL(to).port)
      const sockets = new Set<Socket>()
      let hung = new Set<Socket>()
      const server = createServer((client) => {
        const host = connect(target, "127.0.0.1")
        for (const [from, onward] of [[client, host], [host, client]] as const) {
          sockets.add(from)
          from.on("data", (data) => hung.has(from) || onward.write(data))
          from.on("close", () => hung.has(from) || onward.destroy())
          from.on("error", () => {})
        }
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const { port } = server.address() as { readonly port: number }
      const url = new URL(to)
      url.port = String(port)
      return {
        url: url.href,
        vanish: Effect.sync(() => {
          hung = new Set(sockets)
        }),
        close: () => {
          server.close()
          for (const socket of sockets) socket.destroy()
        }
      }
    }),
    ({ close }) => Effect.sync(close)
  )

/** As the backend does it: within 5 s, and again. */
const soon = <A>(what: string, effect: Effect.Effect<A, BackendError>) =>
  effect.pipe(
    Effect.timeout("5 seconds"),
    Effect.retry(Schedule.spaced("500 millis").pipe(Schedule.upTo({ duration: "30 seconds" }))),
    Effect.mapError((error) => new ConnectionFailed({ op: what, message: String(error) }))
  )

const program = Effect.fnUntraced(function*(
  url: string,
  open: (url: string) => Effect.Effect<SessionStore["Service"], BackendError, Scope.Scope>
) {
  const { url: through, vanish } = yield* address(url)
  const store = yield* open(through)
  const [one, two] = [yield* store.create("one", empty, 60_000), yield* store.create("two", empty, 60_000)]
  yield* store.write(one, { head: "{}", from: 0, items: ["1"] })
  const renewing = yield* Effect.forkChild(
    Effect.forever(Effect.andThen(Effect.ignore(Effect.timeout(store.renew, "5 seconds")), Effect.sleep(500)))
  )
  yield* vanish
  // each of the connections of the store has something to do
  yield* Effect.all([
    soon("write", store.write(one, { head: "{}", from: 0, items: ["1", "2"] })),
    soon("release", store.releaseLease(two)),
    soon("create", Effect.suspend(() => store.create(`s${performance.now()}`, empty, 60_000))),
    soon("create", Effect.suspend(() => store.create(`s${performance.now()}`, empty, 60_000))),
    soon("probe", store.probe)
  ], { concurrency: "unbounded" })
  yield* soon("renew", store.renew)
  const owned = yield* store.listOwned
  assert.deepInclude(owned, { id: "one", fence: 1, items: 2 })
  assert.isUndefined(renewing.pollUnsafe())
})

describe("a store whose host has vanished without a word", () => {
  it.live.skipIf(Servers.missingPostgres !== undefined)(
    "is used again, in PostgreSQL",
    () =>
      Effect.scoped(
        Effect.flatMap(Servers.postgres, ({ url }) =>
          program(url, (through) => PostgresStore.make({ url: Redacted.make(through) })))
      ),
    90_000
  )

  it.live.skipIf(Servers.missingRedis !== undefined)(
    "is used again, in Redis",
    () =>
      Effect.scoped(
        Effect.flatMap(Servers.redis, ({ url }) =>
          program(url, (through) => RedisStore.make({ url: Redacted.make(through) })))
      ),
    90_000
  )
})
