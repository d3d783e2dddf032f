import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { forged } from "./TokenFuzz.ts"

const INPUTS = 10_000

describe("Fuzz, tokens", () => {
  it.effect(`${INPUTS} forged tokens open nothing`, () =>
    Effect.gen(function*() {
      assert.isAtLeast(yield* forged(INPUTS), 1)
    }))
})
