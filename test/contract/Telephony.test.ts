import { describe } from "@effect/vitest"
import { isFull } from "../support/Full.ts"
import * as Results from "./Results.ts"
import { telephonyHarness } from "./TelephonyHarness.ts"

describe("the contract over provider telephony, by a media stream", () => {
  // the telephone plays in real time, as does a room
  Results.each(telephonyHarness, { concurrency: 12, again: true, ...(isFull ? {} : { only: Results.ofProvider }) })
})
