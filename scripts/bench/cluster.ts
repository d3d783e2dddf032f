/**
 * What happens to calls in a cluster of real processes when nodes are killed, frozen, restarted and cut off, and what a node
 * and a proxied call cost.
 *
 * Usage: `npm run bench -- cluster`; behind it `--only <part of a name>`, `--full` for the counts of the full
 * verification, `--rounds 3` to run each several times. All of it is an hour.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Cost from "../../test/cluster/Cost.ts"
import { LEASE_MS } from "../../test/cluster/Nodes.ts"
import { scenarios, type Size } from "../../test/cluster/Scenarios.ts"
import { inWords, onPostgres, type Outcome } from "../../test/cluster/World.ts"
import * as Servers from "../../test/support/DatabaseServers.ts"

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    rounds: { type: "string", default: "1" },
    only: { type: "string", default: "" }
  }
})
const size: Size = values.full ? "full" : "quick"
const rounds = Number(values.rounds)

type Run = (server: Servers.DatabaseServer) => Promise<Outcome>

const all: ReadonlyArray<readonly [name: string, run: Run]> = [
  ...scenarios.flatMap((scenario) =>
    scenario.stores.map((store): readonly [string, Run] => [
      `${scenario.name}, ${store}`,
      (server) => scenario.run(store, server, size)
    ])
  ),
  ["an idle node, postgres", (server) => onPostgres(server, (world) => Cost.idle(world, { seconds: 20 }))],
  [
    `an idle process that is no node, postgres`,
    (server) =>
      onPostgres(server, (world) => Cost.idle(world, { seconds: 20 }), {
        config: { store: { lease: `${LEASE_MS}ms` } }
      })
  ],
  [
    "a proxied call, postgres",
    (server) => onPostgres(server, (world) => Cost.proxied(world, { calls: 40, seconds: 10 }))
  ]
]

let failed = 0
const run = async (server: Servers.DatabaseServer) => {
  for (const [name, scenario] of all.filter(([name]) => name.includes(values.only))) {
    for (let round = 1; round <= rounds; round++) {
      const from = performance.now()
      try {
        const outcome = await scenario(server)
        failed += outcome.problems.length > 0 ? 1 : 0
        process.stdout.write(`${inWords(name, outcome)} (${Math.round((performance.now() - from) / 1_000)} s)\n`)
      } catch (cause) {
        failed++
        process.stdout.write(`${name}: ${String(cause)}\n`)
      }
    }
  }
}

await Effect.runPromise(
  Effect.scoped(Effect.flatMap(Servers.postgres, (server) => Effect.promise(() => run(server))))
)
process.exitCode = failed > 0 ? 1 : 0
