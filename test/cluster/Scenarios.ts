/** All scenarios by name, in two sizes: one case of each kind, and the counts of the full verification. */
import type { DatabaseServer } from "../support/DatabaseServers.ts"
import * as Crashes from "./Crashes.ts"
import * as Limits from "./Limits.ts"
import { type ClusterOptions, LEASE_MS } from "./Nodes.ts"
import * as Outages from "./Outages.ts"
import * as Planned from "./Planned.ts"
import * as Reach from "./Reach.ts"
import * as Reading from "./Reading.ts"
import * as Strangers from "./Strangers.ts"
import * as Versions from "./Versions.ts"
import { onPostgres, onSqlite, type Outcome, type World } from "./World.ts"

export type Size = "quick" | "full"

export type Store = "postgres" | "sqlite"

export interface Scenario {
  readonly name: string
  readonly stores: ReadonlyArray<Store>
  readonly run: (store: Store, server: DatabaseServer, size: Size) => Promise<Outcome>
}

/** Fields beside those that all nodes have. */
type Settings = Pick<ClusterOptions, "config"> & { readonly cluster?: ClusterOptions["cluster"] }

const settingsOf = ({ cluster = {}, config = {} }: Settings): Omit<ClusterOptions, "store"> => ({
  cluster: { lock_expiration: `${LEASE_MS}ms`, ...cluster },
  config
})

/** Of several processes on one machine as well. */
const anywhere = (
  name: string,
  run: (world: World, size: Size) => Promise<Outcome>,
  settings: Settings = {}
): Scenario => ({
  name,
  stores: ["postgres", "sqlite"],
  run: (store, server, size) =>
    store === "postgres"
      ? onPostgres(server, (world) => run(world, size), settingsOf(settings))
      : onSqlite((world) => run(world, size), settingsOf(settings))
})

/** With the database itself in it. */
const withDatabase = (
  name: string,
  run: (world: Required<World>, size: Size) => Promise<Outcome>,
  settings: (size: Size) => Settings = () => ({})
): Scenario => ({
  name,
  stores: ["postgres"],
  run: (_, server, size) => onPostgres(server, (world) => run(world, size), settingsOf(settings(size)))
})

const sized = (size: Size, quick: number, full: number): number => size === "quick" ? quick : full

/** How long a user is waited for, where a scenario goes beyond it. */
const RESUME_MS = { quick: 5_000, full: 60_000 }

export const scenarios: ReadonlyArray<Scenario> = [
  anywhere("kill -9 of one of three", (world, size) => Crashes.killOne(world, { calls: sized(size, 9, 45) })),
  anywhere("rolling restart of all", (world, size) => Planned.rollingRestart(world, { calls: sized(size, 6, 30) })),
  anywhere("a node joins", (world, size) => Planned.join(world, { calls: sized(size, 6, 20) })),
  anywhere("SIGSTOP and SIGCONT", (world, size) => Crashes.freezeOne(world, { calls: sized(size, 6, 12) })),
  anywhere("kill -9 of each in turn, a creation every 0.2 s", (world) => Crashes.killEach(world)),
  withDatabase(
    "the database is away",
    (world, size) => Outages.databaseAway(world, { calls: sized(size, 6, 9), awayMs: sized(size, 8_000, 30_000) })
  ),
  withDatabase(
    "a node is cut off from the database",
    (world, size) =>
      Outages.partition(world, { calls: sized(size, 4, 6), awayMs: 2 * LEASE_MS + 1.5 * RESUME_MS[size] }),
    (size) => ({ config: { session: { resume_window: `${RESUME_MS[size]}ms` } } })
  ),
  anywhere(
    "200 creations at once, 80 at most",
    (world) => Limits.maximum(world, { asked: 200, max: 80 }),
    { cluster: { max_sessions: 80 } }
  ),
  anywhere(
    "30 creations of one user, 5 a minute",
    (world) => Limits.rate(world, { asked: 30, limit: 5, windowMs: 60_000 }),
    { config: { rate_limits: { store: "cluster", create: { user: { limit: 5, window: "1m" } } } } }
  ),
  anywhere("any node for any session", (world, size) => Reach.everyNode(world, { calls: sized(size, 3, 12) })),
  withDatabase("a look takes nothing over", (world, size) => Reading.onlyReading(world, { calls: sized(size, 6, 12) })),
  withDatabase("strangers between the nodes", (world) => Strangers.strangers(world, { cluster: "default" })),
  anywhere("nodes of two releases", (world, size) => Versions.twoVersions(world, { calls: sized(size, 3, 9) }))
]

export const named = (name: string): Scenario => {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found === undefined) throw new Error(`there is no scenario ${name}`)
  return found
}
