/** What a node and a call cost: CPU time of the processes, transactions of the database. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import * as Kill from "../recovery/Kill.ts"
import { psqlPath } from "../support/DatabaseServers.ts"
import { call, cutsOf, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import type { Node } from "./Nodes.ts"
import { type Outcome, settled, type World } from "./World.ts"

/** Ticks of /proc/<pid>/stat are hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10

/** User and system time that a process has used, in ms; of Linux. */
export const cpuMs = ({ pid }: Pick<Node, "pid">): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /su, "").split(" ")
  return TICK_MS * (Number(fields[11]) + Number(fields[12]))
}

const query = (url: string, sql: string): number =>
  Number(execFileSync(psqlPath, ["-d", url, "-Atc", sql]).toString().trim())

const transactionsOf = (url: string): number =>
  query(url, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")

const walOf = (url: string): number => query(url, "SELECT pg_current_wal_lsn() - '0/0'")

const rounded = (value: number): number => Math.round(10 * value) / 10

/** Three nodes without a call. */
export const idle = async (
  { database, nodes }: Required<World>,
  { seconds }: { readonly seconds: number }
): Promise<Outcome> => {
  const all = await nodes.startAll(3)
  await settled(nodes)
  // what the start leaves behind is over
  await Kill.pause(5_000)
  const [cpu, transactions, wal] = [all.map(cpuMs), transactionsOf(database.url), walOf(database.url)]
  const from = performance.now()
  await Kill.pause(seconds * 1_000)
  const tookS = (performance.now() - from) / 1_000
  const per = (total: number) => rounded(total / tookS / all.length)
  return {
    figures: {
      nodes: all.length,
      "transactions a second and node": per(transactionsOf(database.url) - transactions),
      "WAL B a second and node": per(walOf(database.url) - wal),
      "CPU ms a second and node": per(all.reduce((sum, node, i) => sum + cpuMs(node) - (cpu[i] ?? 0), 0)),
      connections: query(database.url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    },
    problems: []
  }
}

/** Calls that talk all the time at one of two nodes: directly, then through the other. */
export const proxied = async (
  { nodes }: World,
  { calls: count, seconds }: { readonly calls: number; readonly seconds: number }
): Promise<Outcome> => {
  const all = await nodes.startAll(2)
  await settled(nodes)
  const figures: Record<string, number> = { calls: count }
  const problems: Array<string> = []
  const measure = async () => {
    const before = all.map(cpuMs)
    const from = performance.now()
    await Kill.pause(seconds * 1_000)
    const tookS = (performance.now() - from) / 1_000
    return all.reduce((sum, node, i) => sum + cpuMs(node) - (before[i] ?? 0), 0) / tookS
  }
  const idleCpu = await measure()
  for (const path of ["direct", "wrong"] as const) {
    const calls = await call(nodes, count, { path })
    await everybodyTalks(calls)
    const cpu = await measure() - idleCpu
    figures[`CPU ms a call and second, ${path === "direct" ? "direct" : "through another node"}`] = rounded(cpu / count)
    if (cutsOf(calls) > 0) problems.push(`${cutsOf(calls)} calls were cut`)
    problems.push(...problemsOf(calls))
    await hangUp(calls)
  }
  return { figures, problems }
}
