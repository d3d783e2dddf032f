import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schedule, Schema, Stream } from "effect"
import * as Entity from "effect/cluster/Entity"
import * as Sharding from "effect/cluster/Sharding"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Rpc from "effect/rpc/Rpc"
import type { RpcClient } from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Fs from "node:fs"
import { createServer } from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { BackendError, SessionNotFound } from "../../src/BackendError.ts"
import type { ClusterEngine } from "../../src/cluster/ClusterEngine.ts"
import { make } from "../../src/cluster/makeClusterEngine.ts"
import * as RequestSignature from "../../src/cluster/RequestSignature.ts"

const Where = Entity.make("Where", [Rpc.make("Ask", { success: Schema.String })])
const Node = RpcGroup.make(
  Rpc.make("Name", { success: Schema.String }),
  Rpc.make("Fail", { error: BackendError }),
  Rpc.make("Count", { success: Schema.Int, stream: true })
)

const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-cluster-"))),
    (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
  ),
  (directory) => Path.join(directory, "sessions.cluster.db")
)

/** A port that is free now. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { port: number }
    server.close(() => resume(Effect.succeed(port)))
  })
})

const node = Effect.fnUntraced(function*(
  path: string,
  options: { readonly secret?: string; readonly name?: string } = {}
) {
  const port = yield* freePort
  const url = `http://127.0.0.1:${port}`
  const engine = yield* make({
    name: options.name ?? "default",
    secret: { current: () => options.secret ?? "a secret", former: () => [] },
    address: Effect.succeed(url),
    storage: { kind: "sqlite", path },
    lockExpiration: Duration.seconds(5),
    health: "ping"
  })
  const rpc = yield* Effect.provide(
    engine.serve(Node),
    Node.toLayer({
      Name: () => Effect.succeed(url),
      Fail: () => Effect.fail(new SessionNotFound({ op: "test", message: "no such session" })),
      Count: () => Stream.range(1, 3)
    })
  )
  yield* Layer.build(
    HttpRouter.serve(HttpRouter.addAll([...engine.routes, rpc]), { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provide(NodeHttpServer.layer(() => createServer(), { port, host: "127.0.0.1" })),
      Layer.fresh
    )
  )
  return { engine, url }
})

const whereOf = Effect.fnUntraced(function*(engine: ClusterEngine["Service"], url: string) {
  const sharding = Layer.succeed(Sharding.Sharding, yield* engine.sharding)
  yield* Layer.build(Layer.provide(Where.toLayer({ Ask: () => Effect.succeed(url) }), sharding))
  return yield* Effect.provide(Where.client, sharding)
})

/** Asks a node, as the nodes of a cluster do. */
const ask = Effect.fnUntraced(function*<A, E>(
  engine: ClusterEngine["Service"],
  url: string,
  call: (client: RpcClient<RpcGroup.Rpcs<typeof Node>, RpcClientError>) => Effect.Effect<A, E>
) {
  return yield* Effect.flatMap((yield* engine.clients(Node)).of(url), call)
}, Effect.scoped)

const soon = Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(100)])

describe("ClusterEngine", () => {
  it.live(
    "finds the nodes of a cluster, spreads entities over them and asks each by itself",
    () =>
      Effect.gen(function*() {
        const path = yield* file
        const one = yield* node(path)
        const other = yield* node(path)
        const clients = yield* Effect.forEach([one, other], ({ engine, url }) => whereOf(engine, url))
        const keys = Array.from({ length: 24 }, (_, n) => `key${n}`)
        const answers = (at: number) =>
          Effect.forEach(keys, (key) => clients[at]!(key).Ask().pipe(Effect.timeout("2 seconds")), { concurrency: 8 })
        // until both have their share, and agree on it
        yield* Effect.gen(function*() {
          const [here, there] = [yield* answers(0), yield* answers(1)]
          assert.deepStrictEqual(here, there)
          assert.sameMembers([...new Set(here)], [one.url, other.url])
        }).pipe(Effect.sandbox, Effect.retry(soon))
        assert.sameMembers([...(yield* one.engine.nodes)], [one.url, other.url])

        assert.strictEqual(yield* ask(one.engine, other.url, (client) => client.Name()), other.url)
        const failed = yield* Effect.flip(ask(one.engine, other.url, (client) => client.Fail()))
        assert.strictEqual(failed._tag, "SessionNotFound")
        const numbers = yield* ask(one.engine, other.url, (client) => Stream.runCollect(client.Count()))
        assert.deepStrictEqual([...numbers], [1, 2, 3])
        const closed = `http://127.0.0.1:${yield* freePort}`
        assert.strictEqual(
          (yield* Effect.flip(ask(one.engine, closed, (client) => client.Name())))._tag,
          "RpcClientError"
        )
      }),
    60_000
  )

  it.live(
    "refuses strangers, other secrets, other clusters, old and repeated requests, and other bodies",
    () =>
      Effect.gen(function*() {
        const { engine, url } = yield* node(yield* file)
        yield* engine.sharding
        assert.strictEqual(yield* ask(engine, url, (client) => client.Name()), url)

        const key = RequestSignature.keyOf("a secret", "default")
        const send = (changes: Partial<RequestSignature.Signed>, by: Uint8Array = key, body = "") =>
          Effect.promise(() =>
            fetch(`${url}/internal/rpc`, {
              method: "POST",
              body,
              headers: {
                [RequestSignature.HEADER]: RequestSignature.sign(by, {
                  to: url.replace("http://", ""),
                  method: "POST",
                  path: "/internal/rpc",
                  digest: RequestSignature.digestOf(""),
                  atMs: Date.now(),
                  nonce: "AAAAAAAAAAAAAAAAAAAAAA",
                  ...changes
                })
              }
            }).then(({ status }) => status)
          )
        assert.strictEqual(
          yield* Effect.promise(() => fetch(`${url}/internal/rpc`, { method: "POST" }).then((r) => r.status)),
          401
        )
        assert.strictEqual(yield* send({}, RequestSignature.keyOf("another secret", "default")), 401)
        assert.strictEqual(yield* send({}, RequestSignature.keyOf("a secret", "another")), 401)
        assert.strictEqual(yield* send({ to: "127.0.0.1:1" }), 401)
        assert.strictEqual(yield* send({ path: "/internal/cluster" }), 401)
        assert.strictEqual(yield* send({ atMs: Date.now() - 60_000 }), 401)
        assert.strictEqual(yield* send({ atMs: Date.now() + 60_000 }), 401)
        assert.strictEqual(yield* send({ nonce: "CCCCCCCCCCCCCCCCCCCCCC" }, key, "another body"), 401)
        assert.strictEqual(yield* send({ nonce: "BBBBBBBBBBBBBBBBBBBBBB" }), 200)
        assert.strictEqual(yield* send({ nonce: "BBBBBBBBBBBBBBBBBBBBBB" }), 401)

        const foreign = yield* node(yield* file, { secret: "another secret" })
        const refused = yield* Effect.flip(ask(foreign.engine, url, (client) => client.Name()))
        assert.strictEqual(refused._tag, "RpcClientError")
      }),
    60_000
  )
})
