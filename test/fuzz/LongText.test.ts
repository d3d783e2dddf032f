import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { slow } from "./LongText.ts"

describe("Long texts", () => {
  it.live("of 5 KB take at most 200 ms of CPU time, whatever they contain", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* slow(5_000, 200), [])
    }))
})
