/** Layers of an application that hang: while they are built, and while they are released. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as ReportedLayer from "../../../src/cli/app/ReportedLayer.ts"

class Rooms extends Context.Service<Rooms, { readonly free: string }>()("test/ReportedLayer/Rooms") {}

/** What is acquired cannot be interrupted. */
const hanging = Layer.effect(Rooms, Effect.acquireRelease(Effect.never, () => Effect.void))

describe("ReportedLayer", () => {
  it.effect("gives up a layer that hangs while it acquires something", () =>
    Effect.gen(function*() {
      const built = yield* Effect.forkChild(
        Effect.flip(Effect.scoped(Layer.build(ReportedLayer.make("it", hanging)))),
        {
          startImmediately: true
        }
      )
      yield* TestClock.adjust("2 minutes")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(built)).message, "it timed out after 2m")
    }))

  it.effect("does not make whoever is interrupted wait for it, but for what is acquired soon, which is released", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const slow = Layer.effect(
        Rooms,
        Effect.acquireRelease(
          Effect.as(Effect.sleep("3 seconds"), (log.push("acquiring"), { free: "one" })),
          () => Effect.sync(() => void log.push("released"))
        )
      )
      const interrupted = Effect.fnUntraced(function*(layer: Layer.Layer<Rooms>) {
        const built = yield* Effect.forkChild(Effect.scoped(Layer.build(ReportedLayer.make("it", layer))), {
          startImmediately: true
        })
        const ended = yield* Effect.forkChild(Fiber.interrupt(built), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(ended)
      })
      yield* interrupted(hanging)
      yield* interrupted(slow)
      assert.deepStrictEqual(log, ["acquiring", "released"])
    }))

  it.effect("leaves one behind that hangs at its release, with a warning, and closes the rest", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const log: Array<string> = []
      const stuck = Layer.effect(
        Rooms,
        Effect.acquireRelease(Effect.succeed({ free: "one" }), () => Effect.never)
      )
      const below = Layer.effectDiscard(
        Effect.addFinalizer(() => Effect.sync(() => void log.push("the rest is closed")))
      )
      const scope = yield* Scope.make()
      yield* Layer.buildWithScope(Layer.provide(ReportedLayer.make("it", stuck), below), scope)
      const closed = yield* Effect.forkChild(
        Scope.close(scope, Exit.void).pipe(
          Effect.provide(Logger.layer([Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))]))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closed)
      assert.deepStrictEqual(log, ["the rest is closed"])
      assert.deepStrictEqual(lines, ["it was not released within 4 seconds; it is left behind"])
    }))

  it.effect("names the service that nothing provides", () =>
    Effect.gen(function*() {
      const needs = Layer.effectDiscard(Rooms) as unknown as Layer.Layer<never>
      const error = yield* Effect.flip(Effect.scoped(Layer.build(ReportedLayer.make("it", needs)))).pipe(
        Effect.provide(Logger.layer([]))
      )
      assert.strictEqual(
        error.message,
        "it could not be built: it needs the service test/ReportedLayer/Rooms, which nothing in the application provides"
      )
      assert.strictEqual(error.code, "invalid_config")
    }))
})
