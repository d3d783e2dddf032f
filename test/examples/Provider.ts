import { Duration, Effect, Queue, Schema, Stream } from "effect"
import { BackendProvider, ConnectionFailed, type UserConnection } from "effect-voice"
import { Conformance } from "effect-voice/testing"
import assert from "node:assert"

// a provider whose users ring: each call is one connection of a session
const bells = new Map<string, Queue.Queue<UserConnection>>()
const provider = BackendProvider.make({
  name: "doorbell",
  description: "Users ring at the door of this process",
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
        const bell = yield* Effect.acquireRelease(
          Effect.tap(Queue.unbounded<UserConnection>(), (bell) => Effect.sync(() => bells.set(id, bell))),
          () => Effect.sync(() => bells.delete(id))
        )
        return { access: { connectionUrl: `doorbell:${id}` }, attachments: Stream.fromQueue(bell) }
      }),
      probe: Effect.succeed({ name: "provider", status: "healthy" as const })
    })
})

const harness: Conformance.Harness = {
  name: "doorbell",
  provider,
  transport: "websocket",
  reach: () =>
    Effect.succeed(({ ear, id }) => {
      const bell = bells.get(id)
      const { connection, line } = Conformance.memoryLine(ear) // or your client, over your network
      return bell === undefined
        ? new ConnectionFailed({ op: "doorbell.ring", message: "nobody opens" })
        : Effect.as(Queue.offer(bell, connection), line)
    }),
  unsupported: { recovery: "a door is a part of its house", admission: "it opens to everybody" },
  time: Conformance.virtualTime("doorbell") // leave it out where anything is real
}

const results = await Effect.runPromise(Conformance.run(harness, { concurrency: 1 }))
console.log(Conformance.summary(results)) // conformance: … held, … later, 0 broken, … skipped
assert.deepEqual(results.filter(({ result }) => result === "broken"), [])
