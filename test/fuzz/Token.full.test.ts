import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { forged } from "./TokenFuzz.ts"

const INPUTS = 100_000

describe("Fuzz, tokens", () => {
  it.live(`${INPUTS} forged tokens open nothing`, () =>
    Effect.gen(function*() {
      const from = performance.now()
      const opened = yield* forged(INPUTS)
      assert.isAtLeast(opened, 1)
      yield* Effect.log(`tokens: ${INPUTS} inputs in ${(performance.now() - from).toFixed(0)} ms, ${opened} unspoilt`)
    }), 600_000)
})
