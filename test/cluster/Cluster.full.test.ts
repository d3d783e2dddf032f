/** All scenarios of a cluster of real processes, with their whole counts, on each store that they are for. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Servers from "../support/DatabaseServers.ts"
import { scenarios } from "./Scenarios.ts"
import { verify } from "./Verify.ts"

if (Servers.missingPostgres !== undefined) process.stderr.write(`skipped, a cluster: ${Servers.missingPostgres}\n`)

describe.skipIf(Servers.missingPostgres !== undefined)("a cluster of real processes, every scenario", () => {
  for (const scenario of scenarios) {
    for (const store of scenario.stores) {
      it.live(`${scenario.name}, ${store}`, () =>
        Effect.scoped(
          Effect.flatMap(Servers.postgres, (server) => Effect.promise(() => verify(scenario, store, server, "full")))
        ), 900_000)
    }
  }
})
