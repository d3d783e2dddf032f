/** Runs a scenario as a test: what it counted is written down, and nothing that should not be was. */
import { assert } from "@effect/vitest"
import type { DatabaseServer } from "../support/DatabaseServers.ts"
import type { Scenario, Size, Store } from "./Scenarios.ts"
import { inWords } from "./World.ts"

export const verify = async (
  scenario: Scenario,
  store: Store,
  server: DatabaseServer,
  size: Size
): Promise<void> => {
  const outcome = await scenario.run(store, server, size)
  process.stdout.write(`${inWords(`${scenario.name}, ${store}`, outcome)}\n`)
  assert.deepEqual(outcome.problems, [])
}
