/** Configs that are read again: on SIGHUP, and when a stream of the program says so. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Queue, Result, Stream } from "effect"
import * as ConfigSource from "../../../src/backend/config/ConfigSource.ts"
import { layer as builtin } from "../../../src/builtin/index.ts"

const retriesOf = (read: Result.Result<ConfigSource.Loaded, Error>): string =>
  Result.match(read, { onFailure: ({ message }) => message, onSuccess: ({ config }) => String(config.maxRetries) })

describe("ConfigSource.reloads", () => {
  it.live("reads a config on each SIGHUP, and gives one with faults as a failure among the others", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped({ suffix: ".yaml" })
      const before = process.listenerCount("SIGHUP")
      const read = yield* Queue.unbounded<string>()
      const fiber = yield* ConfigSource.reloads({ file, env: { RETRIES: "5" } }).pipe(
        Stream.runForEach((each) => Queue.offer(read, retriesOf(each).replace(file, "voice.yaml"))),
        Effect.forkScoped({ startImmediately: true })
      )
      while (process.listenerCount("SIGHUP") === before) yield* Effect.yieldNow
      const expected = [
        ["max_retries: 2", "2"],
        ["max_retries: 11", "the config voice.yaml is not valid: max_retries: expected a value between 0 and 10"],
        ["max_retries: ${RETRIES}", "5"]
      ] as const
      for (const [text, said] of expected) {
        yield* fs.writeFileString(file, text)
        process.emit("SIGHUP")
        assert.strictEqual(yield* Queue.take(read), said)
      }
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(process.listenerCount("SIGHUP"), before)
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, builtin])))

  it.effect("reads it when a stream of the program says so", () =>
    Effect.gen(function*() {
      const read = yield* Stream.runCollect(
        ConfigSource.reloads({ env: { EFFECT_VOICE_MAX_RETRIES: "4" } }, Stream.make(1, 2))
      )
      assert.deepStrictEqual(Array.from(read, retriesOf), ["4", "4"])
    }).pipe(Effect.provide([NodeServices.layer, builtin])))
})
