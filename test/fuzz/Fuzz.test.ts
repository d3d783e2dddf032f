import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { fewer } from "../support/Full.ts"
import { surfaces } from "./All.ts"
import * as Fuzz from "./Fuzz.ts"

/** A slice of `Fuzz.full.test.ts`. */
const INPUTS = fewer(20_000)

describe("Fuzz", () => {
  it.live(
    `${INPUTS} hostile inputs are refused with typed errors, quickly, and leave no memory behind`,
    () =>
      Effect.gen(function*() {
        const reports = yield* Fuzz.runAll(yield* surfaces, { inputs: INPUTS })
        assert.isAtLeast(reports.reduce((sum, { inputs }) => sum + inputs, 0), INPUTS)
      })
  )
})
