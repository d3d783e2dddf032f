import { describe } from "@effect/vitest"
import { webSocket } from "./LocalHarness.ts"
import * as Results from "./Results.ts"

describe("the contract over provider local, by a WebSocket", () => {
  Results.each(webSocket, { concurrency: 24 })
})
