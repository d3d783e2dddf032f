/** What a scenario runs in: node processes on a store, and the store itself where a scenario takes it away. */
import { Effect } from "effect"
import { join } from "node:path"
import type { Caller } from "../recovery/Caller.ts"
import * as Servers from "../support/DatabaseServers.ts"
import * as Api from "./Api.ts"
import type { Creating } from "./Crowd.ts"
import { type ClusterOptions, LEASE_MS, Nodes, until } from "./Nodes.ts"

export interface Outcome {
  /** What was counted and measured, in the order in which it is told. */
  readonly figures: { readonly [what: string]: number | string }
  /** What should not have been; empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

export interface Database {
  /** Of the database of this scenario. */
  readonly url: string
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
}

export interface World {
  readonly nodes: Nodes
  /** Absent on SQLite. */
  readonly database?: Database
}

type Settings = Omit<ClusterOptions, "store">

/** What a cluster has unless a scenario says otherwise: locks that are as long as leases. */
const clustered: Settings = { cluster: { lock_expiration: `${LEASE_MS}ms` } }

const within = async (nodes: Nodes, run: () => Promise<Outcome>): Promise<Outcome> => {
  try {
    return await run()
  } catch (cause) {
    const said = nodes.all.map(({ name, output }) => `${name}: ${output.slice(-2_000)}`)
    throw new Error(`${String(cause)}\n${said.join("\n")}`, { cause })
  } finally {
    await nodes.close()
  }
}

/** On a database of its own of a PostgreSQL that runs, every process as if on a machine of its own. */
export const onPostgres = async (
  server: Servers.DatabaseServer,
  run: (world: Required<World>) => Promise<Outcome>,
  settings: Settings = clustered
): Promise<Outcome> => {
  const { url } = await Effect.runPromise(Servers.database(server))
  const nodes = new Nodes({ machines: true, ...settings, store: { kind: "postgres", url } })
  const database = {
    url,
    stop: () => Effect.runPromise(server.kill),
    start: () => Effect.runPromise(server.start)
  }
  return within(nodes, () => run({ nodes, database }))
}

/** On a file of SQLite, as several processes of one machine. */
export const onSqlite = (run: (world: World) => Promise<Outcome>, settings: Settings = clustered): Promise<Outcome> => {
  const nodes = new Nodes({ ...settings, store: { kind: "sqlite" } }, (directory) => join(directory, "sessions.db"))
  return within(nodes, () => run({ nodes }))
}

/** Waits until every node that is reachable creates sessions, and sessions are placed on every one of them. */
export const settled = async (nodes: Nodes): Promise<void> => {
  const creating = new Set(nodes.reachable)
  const owning = new Set(nodes.reachable)
  await until("all nodes to create and to be given sessions", async () => {
    const made = []
    for (const node of nodes.reachable) {
      const created = await Api.create(node, "settling")
      if (created.status !== 201) continue
      creating.delete(node)
      const owner = nodes.at(created.url)
      if (owner !== undefined) owning.delete(owner)
      made.push(created)
    }
    for (const { id } of made) await Api.remove(nodes.next(), id)
    return creating.size === 0 && owning.size === 0
  })
}

/** How late a takeover may be beyond the lease: two seconds, or as long as this machine takes for 40 creations. */
export const slackMs = ({ usualMs }: Pick<Creating, "usualMs">): number => Math.max(2_000, 40 * usualMs)

/** How long callers were away, in ms. */
export const away = (callers: ReadonlyArray<Caller>) => {
  const all = callers.flatMap(({ recoveries }) => recoveries).sort((a, b) => a - b)
  return { median: Math.round(all[Math.floor(all.length / 2)] ?? 0), longest: Math.round(all.at(-1) ?? 0) }
}

export const inWords = (scenario: string, { figures, problems }: Outcome): string =>
  [
    `${scenario}: ${Object.entries(figures).map(([what, value]) => `${what} ${value}`).join(", ")}`,
    ...problems.map((problem) => `  ${problem}`)
  ].join("\n")
