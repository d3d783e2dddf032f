import { describe } from "@effect/vitest"
import { isFull } from "../support/Full.ts"
import * as Results from "./Results.ts"
import { webRtc } from "./WebRtcHarness.ts"

describe("the contract over provider local, by WebRTC", () => {
  // `Contract.test.ts` has all cases over the same provider
  Results.each(webRtc, { concurrency: 8, ...(isFull ? {} : { only: Results.ofProvider }) })
})
