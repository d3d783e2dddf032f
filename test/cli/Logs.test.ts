import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Logger, Redacted } from "effect"
import * as Logs from "../../src/cli/Logs.ts"

/** What a logger makes of the lines of an effect. */
const linesOf = Effect.fnUntraced(function*(effect: Effect.Effect<unknown>) {
  const lines: Array<{ readonly [key: string]: unknown }> = []
  yield* effect.pipe(
    Effect.provide(Logger.layer([Logger.map(Logger.make(Logs.structured), (line) => void lines.push(line))]))
  )
  return lines
})

describe("log lines of serve", () => {
  it.effect("are JSON in a pipe, text on a terminal, or as EFFECT_VOICE_LOG says", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Logs.formatOf({}, false, true), "json")
      assert.strictEqual(yield* Logs.formatOf({}, undefined, false), "logfmt")
      assert.strictEqual(yield* Logs.formatOf({}, true, true), "pretty")
      assert.strictEqual(yield* Logs.formatOf({ EFFECT_VOICE_LOG: " JSON " }, true, false), "json")
      assert.strictEqual(
        (yield* Effect.flip(Logs.formatOf({ EFFECT_VOICE_LOG: "xml" }, true, true))).code,
        "invalid_config"
      )
    }))

  it.effect("have session, turn and trace at the top, and the rest under fields", () =>
    Effect.gen(function*() {
      const [line] = yield* linesOf(
        Effect.logWarning("it failed", { key: Redacted.make("hunter2") }).pipe(
          Effect.annotateLogs({ session: "s1", turn: 3, engine: "stt" }),
          Effect.withSpan("above")
        )
      )
      assert.strictEqual(line?.["level"], "warn")
      assert.match(String(line?.["message"]), /^it failed/)
      assert.match(String(line?.["time"]), /^\d{4}-\d\d-\d\dT.*Z$/)
      assert.deepInclude(line, { session: "s1", turn: 3, fields: { engine: "stt" } })
      assert.match(String(line?.["trace_id"]), /^[\da-f]{32}$/)
      assert.match(String(line?.["span_id"]), /^[\da-f]{16}$/)
      assert.notInclude(JSON.stringify(line), "hunter2")
    }))

  it.effect("are written whatever an application throws or logs", () =>
    Effect.gen(function*() {
      const unreadable = new Proxy({}, {
        get: () => {
          throw new Error("unreadable")
        }
      })
      let chain = new Error("the first one")
      for (let i = 0; i < 10_000; i++) chain = new Error(`level ${i}`, { cause: chain })
      const lines = yield* linesOf(Effect.andThen(
        Effect.logError("a value", unreadable, Cause.die(unreadable)),
        Effect.logError("a chain", Cause.fail(chain))
      ))
      assert.lengthOf(lines, 2)
      assert.match(String(lines[0]?.["message"]), /^a value/)
      assert.match(String(lines[0]?.["error"]), /cannot be read/)
      assert.match(String(lines[1]?.["error"]), /level 9999[^]*level 9990/)
    }))

  it.effect("are truncated at 16 KiB", () =>
    Effect.gen(function*() {
      const [line] = yield* linesOf(Effect.logError("x".repeat(100_000)))
      assert.isBelow(JSON.stringify(line).length, 20_000)
    }))
})
