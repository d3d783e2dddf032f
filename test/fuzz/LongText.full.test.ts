import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { slow } from "./LongText.ts"

describe("Long texts", () => {
  it.live("of 100 KB take time proportional to their length, whatever they contain", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* slow(100_000, 2_000), [])
    }), 600_000)
})
