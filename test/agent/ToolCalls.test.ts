import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger } from "effect"
import { AiError } from "effect/ai"
import * as ToolCalls from "../../src/agent/ToolCalls.ts"

describe("ToolCalls", () => {
  it.effect("logs why a tool failed, and not what the model did wrong", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ cause, message }) =>
        void lines.push(`${String(message)} ${String(cause)}`)
      )
      const failures: { readonly [name: string]: Effect.Effect<never, unknown> } = {
        defect: Effect.die(new Error("it broke")),
        failure: Effect.fail("no such booking"),
        input: Effect.fail(AiError.make({
          module: "Toolkit",
          method: "handle",
          reason: new AiError.ToolNotFoundError({ toolName: "input", availableTools: [] })
        })),
        slow: Effect.never
      }
      const calls = ToolCalls.make({
        transcript: "hi",
        history: [],
        sessionId: "s",
        userId: "u",
        turn: 1,
        metadata: {},
        committed: Effect.void
      }, {
        run: (name) => failures[name] ?? Effect.never,
        isKnown: () => true,
        timeout: Duration.zero
      })
      const { done } = yield* calls.start(
        Object.keys(failures).map((name) => ({ type: "tool-call", id: name, name, params: {} }))
      ).pipe(Effect.provide(Logger.layer([logger])))
      yield* done
      assert.strictEqual(lines.length, 2, lines.join("\n"))
      assert.match(lines[0]!, /^tool defect failed .*it broke/su)
      assert.match(lines[1]!, /^tool failure failed .*no such booking/su)
      assert.deepStrictEqual(calls.history.calls.map(({ outcome }) => outcome?.ok), [false, false, false, false])
    }))
})
