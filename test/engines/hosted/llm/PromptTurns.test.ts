/** Any prompt as turns that Anthropic and Google take. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { Prompt } from "effect/ai"
import * as PromptTurns from "../../../../src/engines/hosted/llm/PromptTurns.ts"

const Id = Schema.Literals(["a", "b", "c"])
const Text = Schema.Literals(["", " ", "x", "y z"])
const Step = Schema.Union([
  Schema.Struct({ role: Schema.Literal("system"), text: Text }),
  Schema.Struct({ role: Schema.Literal("user"), text: Text }),
  Schema.Struct({ role: Schema.Literal("assistant"), text: Text, calls: Schema.Array(Id) }),
  Schema.Struct({ role: Schema.Literal("tool"), results: Schema.Array(Id) })
])
type Step = typeof Step.Type

const promptOf = (steps: ReadonlyArray<Step>) =>
  Prompt.make(steps.map((step) => {
    switch (step.role) {
      case "system":
        return { role: "system", content: step.text }
      case "user":
        return { role: "user", content: [{ type: "text", text: step.text }] }
      case "assistant":
        return {
          role: "assistant",
          content: [
            { type: "text", text: step.text },
            ...new Set(step.calls)
          ].map((part) => typeof part === "string" ? { type: "tool-call", id: part, name: "tool", params: {} } : part)
        }
      case "tool":
        return {
          role: "tool",
          content: step.results.map((id) => ({ type: "tool-result", id, name: "tool", result: id, isFailure: false }))
        }
    }
  }) as never)

describe("PromptTurns", () => {
  it.effect.prop(
    "has the user first and last, takes turns, and each call with its result",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.sync(() => {
        const { turns } = Result.getOrThrow(PromptTurns.make(promptOf(steps), undefined, "it"))
        assert.strictEqual(turns[0]?.role, "user")
        assert.strictEqual(turns.at(-1)?.role, "user")
        for (const [i, { parts, role }] of turns.entries()) {
          assert.isNotEmpty(parts)
          assert.notStrictEqual(role, turns[i + 1]?.role)
          const calls = parts.flatMap((part) => part.type === "call" ? [part.id] : [])
          const next = turns[i + 1]?.parts ?? []
          if (role === "model") {
            assert.deepStrictEqual(next.flatMap((part) => part.type === "result" ? [part.id] : []), calls)
            assert.isTrue(next.slice(0, calls.length).every(({ type }) => type === "result"))
          }
          for (const part of parts) if (part.type === "text") assert.notStrictEqual(part.text.trim(), "")
        }
      })
  )

  it("keeps what was said, in order", () => {
    const { system, turns } = Result.getOrThrow(PromptTurns.make(
      promptOf([
        { role: "system", text: "x" },
        { role: "user", text: "x" },
        { role: "assistant", text: "y z", calls: ["a"] },
        { role: "tool", results: ["a"] },
        { role: "user", text: "y z" }
      ]),
      "Be short.",
      "it"
    ))
    assert.strictEqual(system, "Be short.\n\nx")
    assert.deepStrictEqual(turns, [
      { role: "user", parts: [{ type: "text", text: "x" }] },
      {
        role: "model",
        parts: [{ type: "text", text: "y z" }, { type: "call", id: "a", name: "tool", params: {} }]
      },
      {
        role: "user",
        parts: [
          { type: "result", id: "a", name: "tool", result: "a", isFailure: false },
          { type: "text", text: "y z" }
        ]
      }
    ])
  })
})
