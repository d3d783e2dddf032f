/** The agent worker against a scripted server on loopback: what stalls, lies, breaks off or says nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Queue, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import type { ReservedPlace } from "../../../../src/backend/provider/BackendProvider.ts"
import { ConnectionFailed } from "../../../../src/BackendError.ts"
import * as AgentWorker from "../../../../src/providers/livekit/dispatch/AgentWorker.ts"
import type { SessionEnd } from "../../../../src/session/SessionEvent.ts"

type Said = { readonly [kind: string]: { readonly [field: string]: unknown } }

/** livekit-server's side of the socket. */
const makeServer = Effect.gen(function*() {
  const sockets = yield* Queue.unbounded<WebSocket>()
  const said = yield* Queue.unbounded<Said>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<WebSocketServer>((resume) => {
      const made: WebSocketServer = new WebSocketServer(
        { port: 0, host: "127.0.0.1" },
        () => resume(Effect.succeed(made))
      )
    }),
    (made) =>
      Effect.callback<void>((resume) => {
        for (const client of made.clients) client.terminate()
        made.close(() => resume(Effect.void))
      })
  )
  server.on("connection", (socket) => {
    socket.on("message", (data) => Queue.offerUnsafe(said, JSON.parse(String(data)) as Said))
    Queue.offerUnsafe(sockets, socket)
  })
  /** The next message of a kind; loads are said all the time. */
  const next = (kind: string): Effect.Effect<{ readonly [field: string]: unknown }> =>
    Effect.flatMap(
      Queue.take(said),
      (message) => message[kind] === undefined ? next(kind) : Effect.succeed(message[kind])
    )
  const accept = Effect.gen(function*() {
    const socket = yield* Queue.take(sockets)
    const register = yield* next("register")
    socket.send(JSON.stringify({ register: { workerId: "AW_1" } }))
    yield* next("updateWorker")
    return { socket, register, send: (message: unknown) => socket.send(JSON.stringify(message)) }
  })
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, next, accept }
})

/** A worker for two sessions. */
const makeWorker = Effect.fnUntraced(function*(url: string) {
  let taken = 0
  let made = 0
  const ends = new Map<string, Deferred.Deferred<SessionEnd>>()
  const drained: Array<string> = []
  const released = yield* Queue.unbounded<string>()
  const worker = yield* AgentWorker.make({
    url,
    token: Effect.succeed("a token"),
    dispatch: { agentName: "voice", type: "room", repairInterval: Duration.seconds(10) },
    name: "Ada",
    timeout: Duration.seconds(1),
    host: { places: () => ({ taken, max: 2, refuses: taken >= 2, load: 0 }) },
    jobs: {
      reserve: (job): Effect.Effect<ReservedPlace, ConnectionFailed, Scope.Scope> =>
        Effect.suspend(() => {
          if (taken >= 2) return Effect.fail(new ConnectionFailed({ op: "test", message: "full" }))
          return Effect.acquireRelease(
            Effect.sync(() => {
              taken++
              return { id: `ses_${++made}`, create: () => Effect.die("not asked for here") }
            }),
            () =>
              Effect.sync(() => {
                taken--
                Queue.offerUnsafe(released, job.id)
              })
          )
        }),
      start: (job) =>
        Effect.gen(function*() {
          if (job.metadata === "wrong") return yield* new ConnectionFailed({ op: "test", message: "wrong" })
          const end = yield* Deferred.make<SessionEnd>()
          ends.set(job.id, end)
          return {
            ended: Deferred.await(end),
            drain: Effect.sync(() => {
              drained.push(job.id)
              Deferred.doneUnsafe(end, Effect.succeed<SessionEnd>("drained"))
            })
          }
        })
    }
  })
  return { worker, released, drained, ends, taken: () => taken }
})

const ask = (id: string) => ({ availability: { job: { id, room: { name: "r" } } } })
const assign = (id: string, metadata?: string) => ({
  assignment: { job: { id, room: { name: "r" }, ...(metadata === undefined ? {} : { metadata }) }, token: "t" }
})

describe("AgentWorker", () => {
  it.live("registers, takes a job and reports it; one that cannot be started has failed", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const own = yield* makeWorker(server.url)
      const { register, send } = yield* server.accept
      assert.strictEqual(register["agentName"], "voice")
      assert.strictEqual(register["type"], "JT_ROOM")
      send(ask("a"))
      const yes = yield* server.next("availability")
      assert.strictEqual(yes["participantIdentity"], "agent-ses_1")
      send(assign("a"))
      assert.strictEqual((yield* server.next("updateJob"))["status"], "JS_RUNNING")
      send({ termination: { jobId: "a" } })
      assert.deepStrictEqual(yield* server.next("updateJob"), { jobId: "a", status: "JS_FAILED", error: "drained" })
      assert.strictEqual(yield* Queue.take(own.released), "a")
      assert.deepStrictEqual(own.drained, ["a"])
      send(ask("b"))
      yield* server.next("availability")
      send(assign("b", "wrong"))
      yield* server.next("updateJob")
      assert.deepStrictEqual(yield* server.next("updateJob"), {
        jobId: "b",
        status: "JS_FAILED",
        error: "connection_failed"
      })
      yield* Queue.take(own.released)
      assert.strictEqual(own.taken(), 0)
    }).pipe(Effect.scoped))

  it.live("refuses what it has no place for, and says that it is full", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      yield* makeWorker(server.url)
      const { send } = yield* server.accept
      const answers: Array<unknown> = []
      for (const id of ["a", "b", "c"]) {
        send(ask(id))
        answers.push((yield* server.next("availability"))["available"])
      }
      assert.deepStrictEqual(answers, [true, true, false])
      const update = yield* server.next("updateWorker")
      assert.strictEqual(update["status"], "WS_FULL")
      assert.strictEqual(update["load"], 1)
    }).pipe(Effect.scoped))

  it.live("gives the place of an offer back when the socket closes, keeps calls, and registers again", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const own = yield* makeWorker(server.url)
      const first = yield* server.accept
      first.send(ask("a"))
      yield* server.next("availability")
      first.send(assign("a"))
      yield* server.next("updateJob")
      // without an assignment
      first.send(ask("b"))
      yield* server.next("availability")
      first.socket.terminate()
      assert.strictEqual(yield* Queue.take(own.released), "b")
      const second = yield* server.accept
      assert.strictEqual(own.taken(), 1)
      assert.isUndefined(own.worker.fault())
      // the same job is not taken twice, and nothing is said about the call
      second.send(ask("a"))
      assert.isFalse((yield* server.next("availability"))["available"])
      Deferred.doneUnsafe(own.ends.get("a")!, Effect.succeed<SessionEnd>("user_ended"))
      assert.strictEqual(yield* Queue.take(own.released), "a")
    }).pipe(Effect.scoped))

  it.effect("gives a place back 10 s after its yes when no assignment has come, and takes no late one", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const own = yield* makeWorker(server.url)
      assert.match(own.worker.fault()?.message ?? "", /not been registered yet/u)
      // it looks for a place
      yield* TestClock.adjust("250 millis")
      const { send } = yield* server.accept
      assert.isUndefined(own.worker.fault())
      send(ask("a"))
      assert.isTrue((yield* server.next("availability"))["available"])
      yield* TestClock.adjust("9900 millis")
      assert.strictEqual(own.taken(), 1)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* Queue.take(own.released), "a")
      assert.strictEqual(own.taken(), 0)
      send(assign("a"))
      assert.deepStrictEqual(yield* server.next("updateJob"), {
        jobId: "a",
        status: "JS_FAILED",
        error: "assigned too late"
      })
      // one that is assigned keeps its place
      send(ask("b"))
      yield* server.next("availability")
      send(assign("b"))
      yield* server.next("updateJob")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(own.taken(), 1)
    }).pipe(Effect.scoped))

  it.live(
    "ignores what cannot be read, and comes back to a server that stalls or sends too much",
    () =>
      Effect.gen(function*() {
        const server = yield* makeServer
        const own = yield* makeWorker(server.url)
        // it never registers the worker
        yield* Queue.take(server.sockets)
        yield* server.next("register")
        const { send, socket } = yield* server.accept
        for (
          const text of ["", "[]", "{\"availability\":{\"job\":7}}", "\u0000", "{\"assignment\":{\"token\":\"\"}}"]
        ) socket.send(text)
        socket.send(Buffer.from([0, 255, 254]))
        send(assign("never asked"))
        assert.strictEqual((yield* server.next("updateJob"))["status"], "JS_FAILED")
        for (let i = 0; i < 20_000; i++) send({ termination: { jobId: `none ${i}` } })
        // it has given the server up by now, or does now
        socket.terminate()
        const again = yield* server.accept
        again.send(ask("a"))
        assert.isTrue((yield* server.next("availability"))["available"])
        assert.strictEqual(own.taken(), 1)
      }).pipe(Effect.scoped),
    30_000
  )
})
