import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { conversation } from "./ModelLiveness.ts"

const COUNT = 5_000

describe("a conversation with a model that may do anything", () => {
  for (const name of ["openai", "gemini"] as const) {
    it.live(
      `answers or fails every request, ends every reply, and goes on (${COUNT} times, ${name})`,
      () =>
        Effect.gen(function*() {
          const from = yield* Clock.currentTimeMillis
          const seen = new Map<string, number>()
          // seeds that the unit tests do not use
          for (let seed = 1_000; seed < 1_000 + COUNT; seed++) conversation(name, seed, seen)
          yield* Effect.log(`${COUNT} conversations with ${name} in ${(yield* Clock.currentTimeMillis) - from} ms`)
          yield* Effect.log(Object.fromEntries(seen))
          for (const what of ["RequestFailed", "ReplyFailed", "ReplyText", "ToolCall", "renewed", "cancelled"]) {
            assert.isAbove(seen.get(what) ?? 0, 0, what)
          }
        }),
      600_000
    )
  }
})
