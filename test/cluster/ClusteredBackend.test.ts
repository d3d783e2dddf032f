import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import type { ProviderHost } from "../../src/backend/provider/BackendProvider.ts"
import { type BackendError, normalize } from "../../src/BackendError.ts"
import type { SessionConfig } from "../../src/session/SessionConfig.ts"
import { pass, provider, type Setup } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import * as InProcess from "./InProcess.ts"

const config = { userId: "u", transport: "websocket" } as const
const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, { onFailure: (error) => error.code as string, onSuccess: () => "success" })
/** Runs it while time passes. */
const timed = Effect.fnUntraced(function*<A, E>(effect: Effect.Effect<A, E>, ms: number) {
  const fiber = yield* Effect.forkChild(effect)
  yield* pass(ms)
  return yield* Fiber.join(fiber)
})

describe("a clustered backend", () => {
  it.effect("answers at each node for the sessions of all", () =>
    Effect.gen(function*() {
      const cluster = yield* InProcess.make()
      const a = yield* cluster.add("a")
      const b = yield* cluster.add("b", { nodeUrl: "https://b.example" })
      yield* cluster.settle
      const session = yield* b.local.createSession({ ...config, metadata: { order: 1 } })
      const { id } = session
      assert.deepStrictEqual(yield* b.backend.locate?.(id) ?? Effect.die("no locate"), { _tag: "Here" })
      assert.deepInclude(yield* a.backend.locate?.(id) ?? Effect.die("no locate"), {
        _tag: "There",
        address: "http://b",
        nodeUrl: "https://b.example"
      })
      const remote = yield* a.backend.getSession(id)
      assert.deepStrictEqual(remote.config, { userId: "u", transport: "websocket", metadata: { order: 1 } })
      assert.strictEqual(yield* remote.state.get, yield* session.state.get)
      yield* remote.updateMetadata({ order: null, done: true })
      assert.deepStrictEqual(yield* session.metadata, { done: true })
      assert.deepStrictEqual(yield* remote.metadata, { done: true })
      assert.deepStrictEqual((yield* a.backend.listSessions).map((each) => each.id), [id])
      assert.strictEqual((yield* a.backend.access(id)).connectionUrl, "memory:")
      assert.strictEqual(yield* codeOf(remote.attach(new TestConnection())), "invalid_config")
      assert.strictEqual(yield* codeOf(remote.setAgent({} as never)), "invalid_config")
      assert.strictEqual(yield* codeOf(remote.processAudio(new Uint8Array(2))), "invalid_config")
      yield* a.backend.closeSession(id)
      assert.strictEqual(yield* codeOf(b.local.getSession(id)), "session_not_found")
      assert.strictEqual(yield* codeOf(a.backend.getSession(id)), "session_not_found")
    }))

  it.effect("finds a session of a node that has joined since it last heard from the board", () =>
    Effect.gen(function*() {
      const cluster = yield* InProcess.make()
      const a = yield* cluster.add("a")
      yield* cluster.settle
      const b = yield* cluster.add("b")
      const { id } = yield* b.local.createSession(config)
      assert.strictEqual((yield* timed(a.backend.getSession(id), 1_500)).id, id)
      const joined = yield* Effect.forkChild(b.backend.joined ?? Effect.die("no joined"))
      yield* pass(1_500)
      yield* Fiber.join(joined)
    }))

  it.effect("talks to a session of another node, and hears what happens there until its end", () =>
    Effect.gen(function*() {
      const { a, b } = yield* InProcess.two()
      const session = yield* b.local.createSession(config)
      const remote = yield* a.backend.getSession(session.id)
      const heard = yield* Effect.forkChild(Stream.runCollect(remote.events))
      const states = yield* Effect.forkChild(Stream.runCollect(remote.state.changes))
      const ended = yield* Effect.forkChild(remote.ended)
      yield* pass(200)
      yield* session.attach(new TestConnection())
      yield* pass(500)
      yield* remote.sendText("hello")
      yield* pass("5 seconds")
      const history = yield* remote.history
      assert.isTrue(history.some(({ role, text }) => role === "user" && text === "hello"))
      assert.isTrue(history.some(({ role }) => role === "agent"))
      yield* remote.say("One more thing.")
      yield* pass("3 seconds")
      yield* remote.interrupt()
      yield* a.backend.closeSession(session.id)
      yield* pass("1 second")
      const types = (yield* Fiber.join(heard)).map(({ type }) => type)
      assert.include(types, "agent.speech_started")
      assert.strictEqual(types.at(-1), "session.ended")
      assert.include(yield* Fiber.join(states), "speaking")
      assert.strictEqual(yield* Fiber.join(ended), "closed")
    }))

  it.effect("hears on when the session's node vanishes without a word and another takes it up", () =>
    Effect.gen(function*() {
      const { a, b, c } = yield* InProcess.three({ leaseMs: 2_000 })
      const { id } = yield* b.local.createSession(config)
      const remote = yield* a.backend.getSession(id)
      const heard: Array<string> = []
      yield* Effect.forkChild(Stream.runForEach(remote.events, ({ type }) => Effect.sync(() => void heard.push(type))))
      yield* Effect.forkChild(
        Stream.runForEach(remote.state.changes, (state) => Effect.sync(() => void heard.push(state)))
      )
      yield* pass(200)
      // no connection of it is closed: whoever listens to it hears nothing more
      b.cut(true)
      yield* pass("6 seconds")
      yield* timed(c.local.recover(id), 2_000)
      const session = yield* c.local.getSession(id)
      yield* session.attach(new TestConnection())
      yield* pass("1 second")
      heard.length = 0
      yield* session.sendText("hello")
      yield* pass("5 seconds")
      assert.includeMembers(heard, ["agent.speech_started", "speaking"])
    }))

  it.effect("does not wait for ever for a store that does not say what it has of a session", () =>
    Effect.gen(function*() {
      const { a, b, cluster } = yield* InProcess.two({ leaseMs: 2_000 })
      const { id } = yield* b.local.createSession(config)
      b.cut(true)
      yield* pass("6 seconds")
      cluster.state.readHangs = true
      assert.strictEqual(yield* codeOf(timed(a.backend.getSession(id), 4_000)), "timeout")
    }))

  it.effect("spreads new sessions, and checks each once", () =>
    Effect.gen(function*() {
      const { a, b, c } = yield* InProcess.three()
      const nodes = [a, b, c]
      for (let i = 0; i < 30; i++) {
        yield* nodes[0]!.backend.createSession(config)
        yield* pass(100)
      }
      const counts = yield* Effect.forEach(nodes, ({ local }) => local.activeSessionCount)
      assert.strictEqual(counts.reduce((sum, count) => sum + count, 0), 30)
      for (const count of counts) assert.isAtLeast(count, 8)
    }))

  it.effect("spreads sessions that are created at once", () =>
    Effect.gen(function*() {
      const { a, b, c } = yield* InProcess.three()
      const nodes = [a, b, c]
      yield* timed(
        Effect.all(Array.from({ length: 30 }, () => nodes[0]!.backend.createSession(config)), { concurrency: 30 }),
        5_000
      )
      const counts = yield* Effect.forEach(nodes, ({ local }) => local.activeSessionCount)
      assert.strictEqual(counts.reduce((sum, count) => sum + count, 0), 30)
      for (const count of counts) assert.isAtLeast(count, 7)
    }))

  it.effect("has exactly as many sessions as the cluster may, of 200 at once", () =>
    Effect.gen(function*() {
      const { a, b, c, cluster } = yield* InProcess.three({ max: 80 })
      const nodes = [a, b, c]
      const codes = yield* timed(
        Effect.forEach(
          Array.from({ length: 200 }),
          (_, i) => codeOf(nodes[i % 3]!.backend.createSession(config)),
          { concurrency: "unbounded" }
        ),
        5_000
      )
      assert.strictEqual(codes.filter((code) => code === "success").length, 80)
      assert.strictEqual(codes.filter((code) => code === "session_limit_exceeded").length, 120)
      yield* cluster.moveBoard
      yield* cluster.settle
      assert.strictEqual(yield* codeOf(nodes[1]!.backend.createSession(config)), "session_limit_exceeded")
      const [one] = yield* nodes[2]!.local.listSessions
      yield* nodes[0]!.backend.closeSession(one!.id)
      yield* cluster.settle
      assert.strictEqual(yield* codeOf(nodes[1]!.backend.createSession(config)), "success")
      assert.strictEqual(yield* codeOf(nodes[0]!.backend.createSession(config)), "session_limit_exceeded")
    }))

  it.effect("shows a session that nobody has as it is stored, and takes it over only to close it", () =>
    Effect.gen(function*() {
      const { a, b } = yield* InProcess.two({ leaseMs: 2_000 })
      const { id } = yield* b.local.createSession({ ...config, metadata: { order: 7 } })
      const remote = yield* a.backend.getSession(id)
      b.cut(true)
      // it does not answer, and then it is silent
      const early = yield* Effect.flip(timed(a.backend.getSession(id), 3_000))
      assert.deepInclude(early.details, { reason: "node_gone" })
      const lost = yield* Effect.flip(timed(normalize("test")(remote.history), 3_000))
      assert.deepInclude(lost.details, { reason: "node_gone" })
      yield* pass("4 seconds")
      const session = yield* a.backend.getSession(id)
      assert.deepStrictEqual(yield* session.metadata, { order: 7 })
      assert.deepInclude((yield* Effect.flip(session.say("x"))).details, { reason: "detached" })
      assert.deepStrictEqual(yield* a.backend.locate?.(id) ?? Effect.die("no locate"), { _tag: "Nobody" })
      assert.strictEqual(yield* a.local.activeSessionCount, 0)
      yield* timed(a.backend.closeSession(id), 3_000)
      assert.strictEqual(yield* codeOf(a.backend.getSession(id)), "session_not_found")
    }))

  it.effect("finds its sessions while the store is away, and does not take over those whose lease has run out", () =>
    Effect.gen(function*() {
      const { a, b, cluster } = yield* InProcess.two({ leaseMs: 2_000 })
      const { id } = yield* b.local.createSession(config)
      yield* a.backend.getSession(id)
      cluster.state.storeAway = true
      yield* pass("10 seconds")
      assert.strictEqual((yield* a.backend.getSession(id)).id, id)
      assert.strictEqual(yield* codeOf(a.backend.getSession("nobody")), "connection_failed")
      cluster.state.storeAway = false
      assert.deepInclude(yield* a.backend.locate?.(id) ?? Effect.die("no locate"), { _tag: "There" })
    }))

  it.effect("has a session of a frozen node that is the board's as well taken over once its lease is out", () =>
    Effect.gen(function*() {
      const { a, b, cluster } = yield* InProcess.two({ leaseMs: 2_000 })
      const { id } = yield* b.local.createSession(config)
      yield* a.backend.getSession(id)
      const locate = a.backend.locate?.(id) ?? Effect.die("no locate")
      b.cut(true)
      cluster.state.boardAway = true
      yield* pass("1 second")
      assert.deepInclude(yield* locate, { _tag: "There" })
      yield* pass("3 seconds")
      assert.deepInclude(yield* locate, { _tag: "Nobody" })
    }))

  it.effect("has a session taken over as soon as its lease is out, when a request could not be passed on to its node", () =>
    Effect.gen(function*() {
      const { a, b } = yield* InProcess.two({ leaseMs: 500 })
      const { id } = yield* b.local.createSession(config)
      yield* a.backend.getSession(id)
      const locate = a.backend.locate?.(id) ?? Effect.die("no locate")
      b.cut(true)
      yield* pass("1 second")
      const place = yield* locate
      if (place._tag !== "There" || place.unanswered === undefined) return assert.fail(JSON.stringify(place))
      yield* place.unanswered
      assert.deepInclude(yield* locate, { _tag: "Nobody" })
    }))

  it.effect("sends no session to a node that drains or is silent, and goes on admitting while the board moves", () =>
    Effect.gen(function*() {
      const { a, b, c, cluster } = yield* InProcess.three({ max: 50 })
      c.cut(true)
      cluster.state.boardAway = true
      yield* pass("6 seconds")
      assert.strictEqual(yield* codeOf(timed(a.backend.createSession(config), 4_000)), "success")
      yield* cluster.moveBoard
      cluster.state.boardAway = false
      yield* cluster.settle
      yield* b.backend.stop.pipe(Effect.forkChild)
      yield* cluster.settle
      for (let i = 0; i < 10; i++) yield* a.backend.createSession(config)
      assert.strictEqual(yield* c.local.activeSessionCount, 0)
      assert.strictEqual(yield* a.local.activeSessionCount, 11)
      // what comes to the draining node is made elsewhere
      const made = yield* b.backend.createSession(config)
      assert.strictEqual(yield* codeOf(a.local.getSession(made.id)), "success")
    }))

  it.effect("lets sessions that need a place wait while the board moves", () =>
    Effect.gen(function*() {
      const { a, b, c, cluster } = yield* InProcess.three({ max: 50 })
      cluster.state.boardAway = true
      const creating = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 30 }), () => codeOf(a.backend.createSession(config)), { concurrency: 30 })
      )
      yield* pass("5 seconds")
      yield* cluster.moveBoard
      cluster.state.boardAway = false
      yield* pass("10 seconds")
      assert.deepStrictEqual(new Set(yield* Fiber.join(creating)), new Set(["success"]))
      const counts = yield* Effect.forEach([a, b, c], ({ local }) => local.activeSessionCount)
      assert.strictEqual(counts.reduce((sum, count) => sum + count), 30)
    }))

  it.effect("makes the sessions that users start at the provider of one process where there is least to do", () =>
    Effect.gen(function*() {
      const arrivals = yield* Queue.unbounded<SessionConfig>()
      const cluster = yield* InProcess.make()
      const a = yield* cluster.add("a", { setup: { provider: provider({ incoming: Stream.fromQueue(arrivals) }) } })
      const b = yield* cluster.add("b")
      const c = yield* cluster.add("c")
      yield* cluster.settle
      for (let i = 0; i < 30; i++) yield* Queue.offer(arrivals, { ...config, connectionUrl: "livekit:a-room" })
      yield* pass("2 seconds")
      const counts = yield* Effect.forEach([a, b, c], ({ local }) => local.activeSessionCount)
      assert.strictEqual(counts.reduce((sum, count) => sum + count), 30)
      for (const count of counts) assert.isAtMost(Math.abs(count - 10), 2, String(counts))
      assert.strictEqual((yield* b.local.listSessions)[0]?.config.connectionUrl, "livekit:a-room")
    }))

  it.effect("has sessions that nobody has taken up where there is least to do, each once", () =>
    Effect.gen(function*() {
      const hosts = new Map<string, ProviderHost>()
      const setup = (name: string): Setup => ({ provider: provider({ onHost: (host) => hosts.set(name, host) }) })
      const cluster = yield* InProcess.make({ leaseMs: 2_000 })
      const a = yield* cluster.add("a", { setup: setup("a") })
      const b = yield* cluster.add("b", { setup: setup("b") })
      const c = yield* cluster.add("c", { setup: setup("c") })
      yield* cluster.settle
      // the looking node has calls of its own
      for (let i = 0; i < 6; i++) yield* a.local.createSession(config)
      const ids = yield* Effect.forEach([1, 2, 3, 4], () => Effect.map(c.local.createSession(config), ({ id }) => id))
      const recover = (id: string) => hosts.get("a")?.recoverAnywhere?.(id) ?? Effect.die("no host")
      // the process that has them answers
      yield* recover(ids[0]!)
      assert.strictEqual(yield* b.local.activeSessionCount, 0)
      c.cut(true)
      yield* pass("6 seconds")
      for (const id of ids) yield* timed(recover(id), 2_000)
      assert.deepStrictEqual(yield* Effect.forEach([a, b], ({ local }) => local.activeSessionCount), [6, 4])
      yield* timed(recover(ids[0]!), 2_000)
      assert.strictEqual(yield* b.local.activeSessionCount, 4)
      assert.strictEqual(yield* codeOf(timed(recover("nobody"), 2_000)), "session_not_found")
      assert.deepInclude(yield* a.backend.locate?.(ids[0]!) ?? Effect.die("no locate"), { _tag: "There" })
    }))
})
