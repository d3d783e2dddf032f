import { Duration, Effect, Queue, Schema, Stream } from "effect"
import { BackendProvider, ConnectionFailed, type UserConnection } from "effect-voice"
import { Conformance } from "effect-voice/testing"
import assert from "node:assert"

// users connect within this process: each item of a session's queue is one connection
const connections = new Map<string, Queue.Queue<UserConnection>>()
const provider = BackendProvider.make({
  name: "in-process",
  description: "Connects users within this process",
  capabilities: {
    s2s: true,
    multiUser: true,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    minLatency: Duration.zero,
    codecs: ["pcm_s16le"]
  },
  config: Schema.Struct({}),
  connect: () =>
    Effect.succeed({
      open: Effect.fnUntraced(function*({ id }) {
        const incoming = yield* Effect.acquireRelease(
          Effect.tap(Queue.unbounded<UserConnection>(), (queue) => Effect.sync(() => connections.set(id, queue))),
          () => Effect.sync(() => connections.delete(id))
        )
        return { access: { connectionUrl: `in-process:${id}` }, attachments: Stream.fromQueue(incoming) }
      }),
      probe: Effect.succeed({ name: "provider", status: "healthy" as const })
    })
})

const harness: Conformance.Harness = {
  name: "in-process",
  provider,
  transport: "websocket",
  serve: () =>
    Effect.succeed(({ id, listener }) => {
      const incoming = connections.get(id)
      const { client, connection } = Conformance.memoryClient(listener) // or your client, over your network
      return incoming === undefined
        ? new ConnectionFailed({ op: "in-process.connect", message: "no such session" })
        : Effect.as(Queue.offer(incoming, connection), client)
    }),
  unsupported: { recovery: "sessions end with the process", admission: "no access control" },
  provideTime: Conformance.virtualTime("in-process") // leave it out if the provider uses a network or timers
}

const results = await Effect.runPromise(Conformance.run(harness, { concurrency: 1 }))
console.log(Conformance.summary(results)) // conformance: … passed, 0 failed, … verified elsewhere, … skipped
assert.deepEqual(results.filter(({ result }) => result === "failed"), [])
