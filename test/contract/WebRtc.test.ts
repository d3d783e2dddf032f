import { describe } from "@effect/vitest"
import * as Results from "./Results.ts"
import { webRtc } from "./WebRtcHarness.ts"

describe("the contract over provider local, by WebRTC", () => {
  Results.each(webRtc, { concurrency: 8 })
})
