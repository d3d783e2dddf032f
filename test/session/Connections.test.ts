import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { PipelineOutput } from "../../src/session/VoiceSession.ts"
import { call, layer, pass, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

const LONG = "This is a long sentence that takes quite a while to be said to the user, does it not?"

/** A connection that takes a second to close. */
const slowToClose = () => {
  const connection = new TestConnection()
  connection.closing = Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => void connection.closes.push("done")))
  return connection
}

const create = Effect.flatMap(
  VoiceBackend,
  (backend) => backend.createSession({ userId: "u", transport: "websocket" })
)

describe("Connections", () => {
  it.effect("closes the connection that was replaced, though whoever attached the next one has been interrupted", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const former = slowToClose()
        const user = yield* call({ connection: former })
        const attaching = yield* Effect.forkChild(user.session.attach(new TestConnection()))
        yield* TestClock.adjust(100)
        yield* Fiber.interrupt(attaching)
        yield* pass("1 second")
        assert.deepStrictEqual(former.closes, ["replaced", "done"])
      })
    ))

  it.effect("closes the connection that was replaced, though the session ends meanwhile", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const former = slowToClose()
        const user = yield* call({ connection: former })
        yield* user.reattach()
        yield* TestClock.adjust(100)
        const closing = yield* Effect.forkChild((yield* VoiceBackend).closeSession(user.session.id))
        yield* pass("2 seconds")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(former.closes, ["replaced", "done"])
      })
    ))

  it.effect("lets connections follow one another, however slowly each of them closes", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const connections = Array.from({ length: 5 }, slowToClose)
        const user = yield* call({ connection: connections[0]! })
        for (const next of connections.slice(1)) yield* user.session.attach(next)
        yield* pass("1 second")
        const closes = connections.map((connection) => connection.closes.join())
        assert.deepStrictEqual(closes, [...Array(4).fill("replaced,done"), ""])
      })
    ))

  it.effect("leaves a connection open that is attached again", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const { connection, session } = yield* call()
        yield* session.attach(connection)
        assert.deepStrictEqual(connection.closes, [])
        assert.lengthOf(connection.of("connection.attached"), 1)
      })
    ))

  it.effect("closes the next connection when the former one ends the session by a defect", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const { connection, session } = yield* call()
        Object.assign(connection, {
          notify: () => {
            throw new Error("broken")
          }
        })
        const next = new TestConnection()
        yield* session.attach(next)
        assert.deepStrictEqual(next.closes, ["session_ended"])
        assert.deepStrictEqual(next.types, [])
      })
    ))

  it.effect("a pipeline that was replaced ends, and leaves the reply to the next connection alone", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const session = yield* create
        const reading = yield* Effect.forkChild(Stream.runDrain(session.pipeline(Stream.never)))
        yield* pass("100 millis")
        yield* session.say(LONG)
        yield* pass("200 millis")
        const next = new TestConnection()
        yield* session.attach(next)
        yield* Fiber.join(reading)
        yield* pass("20 seconds")
        assert.deepStrictEqual((yield* session.history).map(({ interrupted, text }) => [text, interrupted]), [
          [LONG, false]
        ])
      })
    ))

  it.effect("the input of a pipeline that was replaced does not drain the session", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const session = yield* create
        const gate = yield* Deferred.make<void>()
        // nobody reads on, so that the stream is not ended by its reader
        const reading = yield* Effect.forkChild(
          session.pipeline(Stream.drain(Stream.fromEffect(Deferred.await(gate)))).pipe(
            Stream.runForEach(() => Effect.never)
          )
        )
        yield* pass("100 millis")
        yield* session.attach(new TestConnection())
        yield* Deferred.succeed(gate, undefined)
        yield* pass("5 seconds")
        assert.isUndefined(reading.pollUnsafe())
        yield* session.say("Still here.")
      })
    ))

  it.effect("a pipeline whose reader is too slow gets what waits, and then an error", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const session = yield* create
        const gate = yield* Deferred.make<void>()
        const outputs: Array<PipelineOutput> = []
        const reading = yield* session.pipeline(Stream.never).pipe(
          Stream.runForEach((output) => Effect.andThen(Deferred.await(gate), Effect.sync(() => outputs.push(output)))),
          Effect.exit,
          Effect.forkChild
        )
        yield* pass("100 millis")
        for (let i = 0; i < 1_500; i++) yield* session.sendText(`${i}`)
        yield* Deferred.succeed(gate, undefined)
        yield* pass("1 second")
        const exit = yield* Fiber.join(reading)
        assert.isTrue(Exit.isFailure(exit))
        assert.include(JSON.stringify(exit), "too_slow")
        assert.isAbove(outputs.length, 1_000)
      })
    ))
})
