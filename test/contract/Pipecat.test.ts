import { describe } from "@effect/vitest"
import { pipecat } from "./PipecatHarness.ts"
import * as Results from "./Results.ts"

describe("the contract over provider pipecat", () => {
  Results.each(pipecat, { concurrency: 24 })
})
