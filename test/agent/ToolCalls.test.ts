import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Logger } from "effect"
import { AiError } from "effect/ai"
import * as ToolCalls from "../../src/agent/ToolCalls.ts"
import { fromCause } from "../../src/BackendError.ts"
import { agentInput } from "../support/AgentInput.ts"

describe("ToolCalls", () => {
  it.effect("logs why a tool failed, and tells the model the message of a failure, but not of a defect", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ cause, message }) =>
        void lines.push(`${String(message)} ${String(cause)}`)
      )
      const failures: { readonly [name: string]: Effect.Effect<never, unknown> } = {
        defect: Effect.die(new Error("it broke")),
        failure: Effect.fail("no such booking"),
        hidden: Effect.fail(fromCause("Tool.run", Cause.die(new Error("a bug in a library")))),
        result: Effect.fail(AiError.make({
          module: "Toolkit",
          method: "handle",
          reason: new AiError.ToolResultEncodingError({
            toolName: "result",
            toolResult: 1,
            description: "a secret value"
          })
        })),
        missing: Effect.fail(AiError.make({
          module: "Toolkit",
          method: "handle",
          reason: new AiError.ToolNotFoundError({ toolName: "missing", availableTools: [] })
        })),
        slow: Effect.never
      }
      const calls = ToolCalls.make(agentInput, {
        run: (name) => failures[name] ?? Effect.never,
        isKnown: () => true,
        timeout: Duration.zero
      })
      const { done } = yield* calls.start(
        Object.keys(failures).map((name) => ({ type: "tool-call", id: name, name, params: {} }))
      ).pipe(Effect.provide(Logger.layer([logger])))
      yield* done
      assert.strictEqual(lines.length, 5, lines.join("\n"))
      assert.match(lines[0]!, /^tool defect failed .*it broke/su)
      assert.match(lines[1]!, /^tool failure failed .*no such booking/su)
      assert.match(lines[2]!, /^tool hidden failed .*a bug in a library/su)
      assert.match(lines[3]!, /^tool result failed .*a secret value/su)
      assert.match(lines[4]!, /^tool slow timed out/u)
      const { missing, ...outcomes } = Object.fromEntries(
        calls.history.calls.map(({ name, outcome }) => [name, outcome])
      )
      assert.strictEqual(missing?.ok, false)
      assert.match(JSON.stringify(missing?.output), /missing/u)
      assert.deepStrictEqual(outcomes, {
        defect: { ok: false, output: { error: "tool defect failed", code: "tool_failed" } },
        failure: { ok: false, output: { error: "tool failure failed: no such booking" } },
        hidden: { ok: false, output: { error: "tool hidden failed", code: "tool_failed" } },
        result: { ok: false, output: { error: "tool result failed", code: "tool_failed" } },
        slow: {
          ok: false,
          output: { error: "tool slow timed out after 0; it may or may not have taken effect" }
        }
      })
    }))

  it.effect("ends a call whose result is no JSON at once, as one that failed", () =>
    Effect.gen(function*() {
      const circle: Array<unknown> = []
      circle.push(circle)
      let deep: unknown = 1
      for (let level = 0; level < 20_000; level++) deep = [deep]
      const results: { readonly [name: string]: unknown } = { circle, deep, number: 1n, huge: "x".repeat(10_000_000) }
      const calls = ToolCalls.make(agentInput, {
        run: (name) => Effect.succeed({ ok: true, output: results[name] }),
        isKnown: () => true,
        timeout: Duration.hours(1)
      })
      const { done } = yield* calls.start(
        Object.keys(results).map((name) => ({ type: "tool-call", id: name, name, params: {} }))
      ).pipe(Effect.provide(Logger.layer([])))
      yield* done
      const { huge, ...others } = Object.fromEntries(
        calls.history.calls.map(({ name, outcome }) => [name, outcome])
      )
      assert.isBelow(String(huge?.output).length, 100_000)
      for (const name of ["circle", "deep", "number"]) {
        assert.deepStrictEqual(others[name], {
          ok: false,
          output: { error: `tool ${name} failed`, code: "tool_failed" }
        })
      }
    }))
})
