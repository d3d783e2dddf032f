import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Latch, Layer, Scope } from "effect"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import { layer, pass, type Setup, User } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"

/** Time goes on while the process stands still, and no timer of it fires; those that are due fire when it goes on. */
const stoppable = (clock: Clock.Clock) => {
  const running = Latch.makeUnsafe(true)
  return {
    clock: {
      ...clock,
      sleep: (duration) => Effect.andThen(clock.sleep(duration), running.await)
    } satisfies Clock.Clock,
    stop: () => running.closeUnsafe(),
    goOn: () => running.openUnsafe()
  }
}

/** What a request to the store takes from when the process has stood still. */
const STORE_MS = 50

/** A process on a shared table that can be stopped, and whose store can hang. */
const start = Effect.fnUntraced(function*(table: MemoryStore.Table, setup: Setup = {}) {
  const { clock, goOn, stop } = stoppable(yield* Clock.Clock)
  const made = MemoryStore.make({ table })
  let hangs = false
  let isSlow = false
  const reach = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => hangs ? Effect.never : isSlow ? Effect.delay(effect, STORE_MS) : effect)
  const store = SessionStore.of({
    ...made,
    create: (...args) => reach(made.create(...args)),
    write: (...args) => reach(made.write(...args)),
    claim: (id) => reach(made.claim(id)),
    renew: reach(made.renew),
    listOwned: reach(made.listOwned),
    locate: (id) => reach(made.locate(id))
  })
  // never closed: what it would wait for does not come once the test's clock stands
  const context = yield* Layer.buildWithScope(
    layer(setup).pipe(Layer.provide(Layer.succeed(SessionStore, store))),
    yield* Scope.make()
  ).pipe(Effect.provideService(Clock.Clock, clock))
  const backend = Context.get(context, VoiceBackend)
  const callTo = Effect.fnUntraced(function*(id: string) {
    const user = new User(yield* backend.getSession(id), new TestConnection())
    yield* user.session.attach(user.connection)
    return user
  })
  return {
    backend,
    call: backend.createSession({ userId: "u", transport: "websocket" }).pipe(
      Effect.provideService(Clock.Clock, clock),
      Effect.flatMap(({ id }) => callTo(id))
    ),
    takeUp: (id: string) =>
      backend.recover(id).pipe(Effect.provideService(Clock.Clock, clock), Effect.andThen(callTo(id))),
    hang: () => {
      hangs = true
    },
    stop: () => {
      isSlow = true
      stop()
    },
    /** Audio that has arrived meanwhile is read first, as it would be. */
    goOn: ({ connection }: User) => {
      const rate = connection.format.input.sampleRate
      for (let frame = 0; frame < 50; frame++) connection.listener?.audio(new Int16Array(rate / 50))
      goOn()
    }
  }
})

/** A user who has just said something, to a process that stands still before it answers. */
const stopped = Effect.fnUntraced(function*(words = "one") {
  const table = MemoryStore.makeTable()
  const process = yield* start(table, { texts: [words, "two"] })
  const user = yield* process.call
  yield* user.speaks(300)
  yield* user.hears(100)
  process.stop()
  const told = user.connection.events.length
  return { table, process, user, since: () => user.connection.types.slice(told) }
})

/** What belongs to the end of a session. */
const ending = new Set(["session.state", "agent.speech_stopped", "playout.clear", "session.ended"])

const LEASE = "6 seconds"

describe("a process that stood still", () => {
  it.effect("begins nothing for a session that was taken over meanwhile", () =>
    Effect.gen(function*() {
      const { process, since, table, user } = yield* stopped()
      yield* pass(LEASE)
      const other = yield* start(table)
      const again = yield* other.takeUp(user.session.id)
      process.goOn(user)
      yield* pass("3 seconds")
      assert.deepStrictEqual(since().filter((type) => !ending.has(type)), [])
      assert.deepInclude(user.connection.events.at(-1), { type: "session.ended", reason: "taken_over" })
      assert.strictEqual(user.connection.frames.length, 0)
      assert.strictEqual(yield* process.backend.activeSessionCount, 0)
      yield* again.speaks(300)
      yield* again.hears(3_000)
      assert.include(again.connection.types, "agent.speech_started")
    }))

  it.effect("sends nothing more of a reply to a session that was taken over meanwhile", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const process = yield* start(table, { texts: ["a long story that is told for quite some time, word by word"] })
      const user = yield* process.call
      yield* user.speaks(300)
      yield* user.hears(1_500)
      process.stop()
      const frames = user.connection.frames.length
      const told = user.connection.events.length
      assert.isAbove(frames, 0)
      yield* pass(LEASE)
      const other = yield* start(table)
      yield* other.takeUp(user.session.id)
      process.goOn(user)
      yield* pass("3 seconds")
      assert.strictEqual(user.connection.frames.length, frames)
      assert.deepStrictEqual(user.connection.types.slice(told).filter((type) => !ending.has(type)), [])
    }))

  it.effect("goes on with a session that it still has", () =>
    Effect.gen(function*() {
      const { process, since, user } = yield* stopped()
      yield* pass(LEASE)
      process.goOn(user)
      assert.deepStrictEqual(since(), [])
      yield* pass("3 seconds")
      assert.include(since(), "agent.speech_started")
      assert.include(since(), "agent.speech_stopped")
      assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
      yield* user.speaks(300)
      yield* user.hears(3_000)
      assert.deepStrictEqual((yield* user.said).at(-1), "agent: You said two.")
    }))

  it.effect("waits a second for a store that is away, and goes on", () =>
    Effect.gen(function*() {
      const { process, since, user } = yield* stopped()
      process.hang()
      yield* pass(LEASE)
      process.goOn(user)
      yield* pass("900 millis")
      assert.deepStrictEqual(since(), [])
      yield* pass("3 seconds")
      assert.include(since(), "agent.speech_started")
      assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
    }))

  it.effect("goes on at once when it stood still for less than its lease", () =>
    Effect.gen(function*() {
      const { process, since, user } = yield* stopped()
      process.hang()
      yield* pass("2 seconds")
      process.goOn(user)
      yield* pass("500 millis")
      assert.include(since(), "agent.speech_started")
    }))
})
