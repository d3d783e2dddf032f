import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Coverage } from "./Coverage.ts"
import * as Fuzz from "./Fuzz.ts"

const INPUTS = Number(process.env["FUZZ_INPUTS"] ?? 100_000)

describe("Fuzz", () => {
  it.live(`${INPUTS} hostile inputs go after code that none has reached`, () =>
    Effect.gen(function*() {
      const coverage = yield* Effect.acquireRelease(
        Effect.sync(() => new Coverage()),
        (coverage) => Effect.sync(() => coverage.close())
      )
      const { surfaces } = yield* Effect.promise(() => import("./All.ts"))
      const reports = yield* Fuzz.runAll(yield* surfaces, { inputs: INPUTS, coverage })
      assert.isAtLeast(reports.reduce((sum, { inputs }) => sum + inputs, 0), INPUTS)
    }), 1_800_000)
})
