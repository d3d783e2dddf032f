import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import * as Http from "node:http"
import * as Https from "node:https"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Server from "../../src/server/Server.ts"
import * as SharedPort from "../../src/server/SharedPort.ts"
import { makeCertificate } from "../support/Certificate.ts"
import { freePort } from "../support/FreePort.ts"
import { selfSigned } from "./Certificates.ts"
import { backend } from "./support.ts"

/** A server whose provider has a name of its own, and which drains until it is told. */
const serve = (name: string, options: Server.ServerOptions, drained: Effect.Effect<void> = Effect.void) =>
  Server.layer({ port: 0, ...options }).pipe(
    Layer.provide(Layer.effect(
      VoiceBackend,
      Effect.map(VoiceBackend, (one) => ({
        ...one,
        provider: { ...one.provider, name },
        stop: Effect.andThen(drained, one.stop)
      }))
    )),
    Layer.provide(backend)
  )

/** Who answers at a port, over a connection of its own. */
const answers = (url: string, count: number) =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: count }),
      () =>
        Effect.callback<string>((resume) => {
          const { get } = url.startsWith("https") ? Https : Http
          get(
            `${url}/v1/providers`,
            { agent: false, rejectUnauthorized: false } as Https.RequestOptions,
            (response) => {
              let text = ""
              response.on("data", (chunk: Buffer) => text += chunk.toString())
              response.on("end", () => resume(Effect.succeed(/"provider":"(\w+)"/.exec(text)?.[1] ?? text)))
            }
          ).on("error", (cause: Error & { code?: string }) => resume(Effect.succeed(cause.code ?? "error")))
        }),
      { concurrency: 4 }
    ),
    (names) => new Set(names)
  )

const start = (layer: Layer.Layer<Server.VoiceServer, unknown>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const server = Context.get(yield* Layer.build(layer).pipe(Scope.provide(scope)), Server.VoiceServer)
    return { server, close: Scope.close(scope, Exit.void) }
  })

describe("SharedPort", () => {
  it("says which systems spread connections", () => {
    assert.deepStrictEqual(
      ["linux", "freebsd", "darwin", "win32"].map((each) => SharedPort.isBalanced(each as NodeJS.Platform)),
      [true, true, false, false]
    )
  })

  it.live.skipIf(!SharedPort.isBalanced())(
    "is answered by all, until one drains, which its own port still reaches",
    () =>
      Effect.gen(function*() {
        const drained = yield* Deferred.make<void>()
        const draining = yield* Deferred.make<void>()
        const shared = { host: "127.0.0.1", port: yield* freePort }
        const one = yield* start(
          serve("one", { shared }, Effect.andThen(Deferred.succeed(draining, undefined), Deferred.await(drained)))
        )
        const two = yield* start(serve("two", { shared }))
        const url = one.server.sharedUrl ?? ""
        assert.strictEqual(url, `http://127.0.0.1:${shared.port}`)
        assert.deepStrictEqual(yield* answers(url, 64), new Set(["one", "two"]))
        assert.deepStrictEqual(yield* answers(one.server.url, 8), new Set(["one"]))

        const closing = yield* Effect.forkChild(one.close)
        yield* Deferred.await(draining)
        assert.deepStrictEqual(yield* answers(url, 64), new Set(["two"]))
        assert.deepStrictEqual(yield* answers(one.server.url, 8), new Set(["one"]))
        yield* Deferred.succeed(drained, undefined)
        yield* Fiber.join(closing)
        assert.deepStrictEqual(yield* answers(one.server.url, 1), new Set(["ECONNREFUSED"]))
        yield* two.close
        assert.deepStrictEqual(yield* answers(url, 1), new Set(["ECONNREFUSED"]))
      }).pipe(Effect.scoped)
  )

  it.live.skipIf(!SharedPort.isBalanced())("speaks TLS on both", () =>
    Effect.gen(function*() {
      const tls = yield* selfSigned
      const shared = { host: "127.0.0.1", port: yield* freePort }
      const { server } = yield* start(serve("one", { shared, tls }))
      assert.strictEqual(server.sharedUrl, `https://127.0.0.1:${shared.port}`)
      assert.deepStrictEqual(yield* answers(server.sharedUrl ?? "", 4), new Set(["one"]))
      assert.deepStrictEqual(yield* answers(server.url, 4), new Set(["one"]))
    }).pipe(Effect.scoped))

  it.live("fails where another program has the port, and where it would let the network in", () =>
    Effect.gen(function*() {
      const other = yield* start(serve("other", {}))
      const taken = yield* Effect.flip(start(serve("one", { shared: { host: "127.0.0.1", port: other.server.port } })))
      assert.deepInclude(taken, { code: "connection_failed" })
      const open = yield* Effect.flip(start(serve("one", { shared: { host: "0.0.0.0", port: yield* freePort } })))
      assert.deepInclude(open, { code: "invalid_config" })
    }).pipe(Effect.scoped))

  it.live.skipIf(!SharedPort.isBalanced())(
    "shows the metrics of all processes, over TLS, to whoever has a key; one that is gone is left out",
    () =>
      Effect.gen(function*() {
        const { cert, key } = yield* makeCertificate
        const [port, one, two, gone] = yield* Effect.all([freePort, freePort, freePort, freePort])
        const all = { one, two, gone }
        const options = (name: keyof typeof all) => ({
          port: all[name],
          tls: { cert, key },
          apiKeys: [Redacted.make("k".repeat(16))],
          operations: "keys" as const,
          shared: {
            host: "127.0.0.1",
            port,
            name,
            siblings: Object.entries(all)
              .filter(([other]) => other !== name)
              .map(([other, own]) => ({ name: other, url: `https://127.0.0.1:${own}` }))
          }
        })
        yield* start(serve("one", options("one")))
        yield* start(serve("two", options("two")))
        const workers = (at: number, authorization: string) =>
          Effect.callback<ReadonlyArray<string>>((resume) => {
            Https.get(`https://127.0.0.1:${at}/metrics`, {
              agent: false,
              rejectUnauthorized: false,
              headers: { authorization }
            }, (response) => {
              let text = ""
              response.on("data", (chunk: Buffer) => text += chunk.toString())
              response.on("end", () =>
                resume(Effect.succeed(
                  response.statusCode === 200
                    ? Array.from(text.matchAll(/^process_cpu_seconds_total(.*) /gm), ([, label = ""]) => label)
                    : [String(response.statusCode)]
                )))
            })
          })
        const bearer = `Bearer ${"k".repeat(16)}`
        for (let i = 0; i < 8; i++) {
          const found = yield* workers(port, bearer)
          assert.deepStrictEqual([...found].sort(), ["{worker=\"one\"}", "{worker=\"two\"}"])
        }
        assert.deepStrictEqual(yield* workers(one, bearer), [""])
        assert.deepStrictEqual(yield* workers(port, "Bearer nobody"), ["401"])
      }).pipe(Effect.scoped)
  )
})
