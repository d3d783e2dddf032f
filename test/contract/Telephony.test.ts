import { describe } from "@effect/vitest"
import * as Results from "./Results.ts"
import { telephonyHarness } from "./TelephonyHarness.ts"

describe("the contract over provider telephony, by a media stream", () => {
  Results.each(telephonyHarness, { concurrency: 24 })
})
