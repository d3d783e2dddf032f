import { afterAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as LiveKitPackages from "../../src/providers/livekit/LiveKitPackages.ts"
import { isFull } from "../support/Full.ts"
import * as LiveKitServer from "../support/LiveKitServer.ts"
import { liveKit } from "./LiveKitHarness.ts"
import * as Results from "./Results.ts"

const { missing } = LiveKitServer

if (missing !== undefined) {
  describe("the contract over provider livekit", () => {
    it.skip(missing, () => {})
  })
} else {
  const scope = Effect.runSync(Scope.make())
  const server = await Effect.runPromise(
    // claim the packages for all tests, because users stay in rooms while backends start and stop
    Effect.andThen(LiveKitPackages.acquire, LiveKitServer.make()).pipe(Scope.provide(scope))
  )
  describe("the contract over provider livekit, on the real server", () => {
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    // more at once would overload the machine and cause gaps in the users' audio
    Results.each(liveKit(server), { concurrency: 3, again: true, ...(isFull ? {} : { only: Results.ofProvider }) })
  })
}
