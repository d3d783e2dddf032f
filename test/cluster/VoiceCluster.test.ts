import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Fs from "node:fs"
import { createServer } from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Backend } from "../../src/backend/BackendContract.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as VoiceCluster from "../../src/cluster/VoiceCluster.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import { layer } from "../session/Harness.ts"
import { freePort } from "../support/FreePort.ts"

/** A slow machine must not make a node refuse sessions. */
const overload = { maxLag: Duration.seconds(10), maxBacklog: Duration.seconds(30) }
const config = { userId: "u", transport: "websocket" } as const

const file = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-cluster-"))),
    (made) => Effect.sync(() => Fs.rmSync(made, { recursive: true, force: true }))
  ),
  (directory) => Path.join(directory, "sessions.cluster.db")
)

/** A node of a cluster, with its routes on a port of its own. */
const node = Effect.fnUntraced(function*(path: string, table: MemoryStore.Table, maxSessions?: number) {
  const known: { local?: Backend } = {}
  const own = Layer.effect(
    VoiceBackend,
    Effect.map(VoiceBackend, (backend) => {
      known.local = backend
      return backend
    })
  ).pipe(Layer.provide(layer({ config: { overload } })))
  const port = yield* freePort
  const address = `http://127.0.0.1:${port}`
  const context = yield* Layer.build(Layer.fresh(VoiceCluster.layer(
    own.pipe(Layer.provide(Layer.succeed(SessionStore, MemoryStore.make({ table })))),
    {
      address: Effect.succeed(address),
      storage: { kind: "sqlite", path },
      nodeUrl: Effect.succeed(`https://${port}.example`),
      maxSessions
    }
  )))
  const backend = Context.get(context, VoiceBackend)
  yield* Layer.build(
    HttpRouter.serve(HttpRouter.addAll(backend.routes), { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provide(NodeHttpServer.layer(() => createServer(), { port, host: "127.0.0.1" })),
      Layer.fresh
    )
  )
  const { local } = known
  return { address, backend, port, local: local ?? (yield* Effect.die("no backend")) }
})

const soon = Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(200)])

describe("VoiceCluster", () => {
  it.live(
    "makes one backend of two processes' over signed requests, with a maximum for both",
    () =>
      Effect.gen(function*() {
        const path = yield* file
        const table = MemoryStore.makeTable()
        const one = yield* node(path, table, 3)
        // a load balancer sends nothing before
        assert.isFalse(yield* one.backend.ready)
        assert.isTrue(yield* one.local.ready)
        yield* one.backend.joined ?? Effect.die("no joined")
        assert.isTrue(yield* one.backend.ready)
        const other = yield* node(path, table, 3)
        yield* other.backend.joined ?? Effect.die("no joined")
        const first = yield* Effect.retry(other.local.createSession(config), soon)
        const remote = yield* Effect.retry(one.backend.getSession(first.id), soon)
        assert.strictEqual(remote.config.userId, "u")
        yield* remote.updateMetadata({ from: "one" })
        assert.deepStrictEqual(yield* first.metadata, { from: "one" })
        assert.deepInclude(yield* one.backend.locate?.(first.id) ?? Effect.die("no locate"), {
          _tag: "There",
          address: other.address,
          nodeUrl: `https://${other.port}.example`
        })
        const places = Effect.map(
          Effect.forEach([one, other], ({ backend }) => backend.activeSessionCount),
          ([a, b]) => (a ?? 0) + (b ?? 0)
        )
        const ended = yield* Effect.forkChild(
          Effect.map(Stream.runCollect(remote.events), (events) => events.map(({ type }) => type))
        )
        const made = yield* Effect.forEach(
          Array.from({ length: 8 }),
          (_, i) => Effect.exit([one, other][i % 2]!.backend.createSession(config)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(made.filter(({ _tag }) => _tag === "Success").length, 2)
        assert.strictEqual(yield* places, 3)
        assert.strictEqual((yield* one.backend.listSessions).length, 3)
        assert.isTrue((yield* one.backend.healthCheck).parts.some(({ name }) => name === "cluster"))
        yield* one.backend.closeSession(first.id)
        assert.strictEqual(yield* places, 2)
        const types = yield* Effect.timeout(Fiber.await(ended), "5 seconds")
        assert.strictEqual(types._tag, "Success")
      }),
    60_000
  )
})
