import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as RequestSignature from "../../src/cluster/peers/RequestSignature.ts"
import { freePort } from "../support/FreePort.ts"
import { ask, file, node as nodeOn, soon, whereOf } from "./EngineNodes.ts"

const node = (path: string, options: { readonly secret?: string; readonly name?: string } = {}) =>
  nodeOn({ storage: { kind: "sqlite", path }, ...options })

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
