import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeCertificate } from "../support/Certificate.ts"
import { ask, file, node, soon, whereOf } from "./EngineNodes.ts"

describe("nodes with TLS", () => {
  it.live(
    "trust the certificate that they have themselves, whatever is in it, and are one cluster below a prefix",
    () =>
      Effect.gen(function*() {
        const [path, tls] = [yield* file, yield* makeCertificate]
        const add = node({ storage: { kind: "sqlite", path }, tls, prefix: "/voice" })
        const [one, other] = [yield* add, yield* add]
        assert.match(other.url, /^https:.*\/voice$/)
        assert.strictEqual(yield* ask(one.engine, other.url, (client) => client.Name()), other.url)
        const clients = yield* Effect.forEach([one, other], ({ engine, url }) => whereOf(engine, url))
        // the engine's own requests come through, too
        yield* Effect.gen(function*() {
          const answers = yield* Effect.forEach(
            Array.from({ length: 24 }, (_, n) => `key${n}`),
            (key) => Effect.timeout(clients[0]!(key).Ask(), "2 seconds"),
            { concurrency: 8 }
          )
          assert.sameMembers([...new Set(answers)], [one.url, other.url])
        }).pipe(Effect.sandbox, Effect.retry(soon))
        assert.sameMembers([...(yield* one.engine.nodes)], [one.url, other.url])
      }),
    60_000
  )

  it.live(
    "do not talk to a node that has another certificate, or none, though it knows the secret",
    () =>
      Effect.gen(function*() {
        const [mine, another] = [yield* makeCertificate, yield* makeCertificate]
        const storage = { kind: "sqlite", path: yield* file } as const
        const one = yield* node({ storage, tls: mine })
        const stranger = yield* node({ storage, tls: another })
        const plain = yield* node({ storage })
        for (
          const [from, to] of [[one, stranger.url], [stranger, one.url], [plain, one.url], [
            one,
            plain.url.replace("http:", "https:")
          ]] as const
        ) {
          const refused = yield* Effect.flip(ask(from.engine, to, (client) => client.Name()))
          assert.strictEqual(refused._tag, "RpcClientError")
        }
      }),
    60_000
  )
})
