import { assert, describe, it } from "@effect/vitest"
import { conversation } from "./ModelLiveness.ts"

describe("a conversation with a model that may do anything", () => {
  for (const name of ["openai", "gemini"] as const) {
    it(`answers or fails every request, ends every reply, and goes on (${name})`, () => {
      const seen = new Map<string, number>()
      for (let seed = 1; seed <= 150; seed++) conversation(name, seed, seen)
      for (const what of ["never", "stalls", "has no end", "writes", "renewed", "RequestFailed", "ReplyFailed"]) {
        assert.isAbove(seen.get(what) ?? 0, 0, what)
      }
    })
  }
})
