import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { slow } from "./LongText.ts"

describe("Long texts", () => {
  it.live("cost no more than a moment, whatever stands in them", () =>
    Effect.gen(function*() {
      assert.deepEqual(yield* slow(5_000, 200), [])
    }))
})
