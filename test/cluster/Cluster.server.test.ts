/** Nodes as real processes, on PostgreSQL: one case of each kind, all as if on machines of their own. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Servers from "../support/DatabaseServers.ts"
import { named } from "./Scenarios.ts"
import { verify } from "./Verify.ts"

/** The others, and the whole counts, are in `Cluster.full.test.ts`. */
const names = [
  "kill -9 of one of three",
  "SIGSTOP and SIGCONT",
  "rolling restart of all",
  "the database is away",
  "200 creations at once, 80 at most",
  "strangers between the nodes"
]

if (Servers.missingPostgres !== undefined) process.stderr.write(`skipped, a cluster: ${Servers.missingPostgres}\n`)

describe.skipIf(Servers.missingPostgres !== undefined)("a cluster of real processes", () => {
  for (const name of names) {
    it.live(name, () =>
      Effect.scoped(
        Effect.flatMap(Servers.postgres, (server) =>
          Effect.promise(() => verify(named(name), "postgres", server, "quick")))
      ))
  }
})
