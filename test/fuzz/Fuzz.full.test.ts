import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { surfaces } from "./All.ts"
import * as Fuzz from "./Fuzz.ts"

const INPUTS = Number(process.env["FUZZ_INPUTS"] ?? 1_000_000)

describe("Fuzz", () => {
  it.live(
    `${INPUTS} hostile inputs are refused with typed errors, quickly, and leave no memory behind`,
    () =>
      Effect.gen(function*() {
        const reports = yield* Fuzz.runAll(yield* surfaces, { inputs: INPUTS })
        assert.isAtLeast(reports.reduce((sum, { inputs }) => sum + inputs, 0), INPUTS)
      }),
    1_800_000
  )
})
