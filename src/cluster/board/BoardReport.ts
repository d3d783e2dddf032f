/**
 * What a node says to the board every half second, and what the board answers.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ClusterState } from "../../telemetry/ClusterMetrics.ts"

/**
 * The time between two reports of a node, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const REPORT_MS = 500

/**
 * A node that has not reported for so long, in ms, is neither asked nor thought alive. What it was granted stays its own.
 *
 * @category constants
 * @since 0.1.0
 */
export const SILENT_MS = 1_750

/**
 * A grant is forgotten so long, in ms, after the last report of its holder: longer than another process takes to become the
 * board (about 5 s, with the default `lock_expiration`).
 *
 * @category constants
 * @since 0.1.0
 */
export const FORGET_MS = 12_000

/**
 * A node, or the board, that has done nothing for so long, in ms, was stopped meanwhile, and cannot trust what it knows.
 *
 * @category constants
 * @since 0.1.0
 */
export const STALL_MS = 3_000

const count = Schema.Natural

/** What is said of a node to all others. */
const nodeFields = {
  owner: Schema.String,
  address: Schema.String,
  nodeUrl: Schema.optionalKey(Schema.String),
  version: Schema.String,
  cell: Schema.optionalKey(Schema.String),
  sessions: count,
  unstored: count,
  granted: count,
  max: count,
  ready: Schema.Boolean,
  loadLevel: Schema.Literals([0, 1, 2])
}

/**
 * A node of the cluster.
 *
 * - `owner`: its name in the session store, unique to the process.
 * - `address`: the base URL at which other nodes ask it.
 * - `nodeUrl`: the base URL at which clients reach exactly this node, if there is one.
 * - `version`: the release that it runs.
 * - `cell`: the part of the system that it belongs to, if there are several.
 * - `sessions`: its places that are taken.
 * - `unstored`: sessions that no other node can find in the session store.
 * - `granted`: how many places for sessions it has of the cluster's maximum.
 * - `max`: how many sessions it may have by its own config.
 * - `ready`: whether it accepts new sessions.
 * - `loadLevel`: 0 normal, 1 busy, 2 overloaded.
 * - `silent`: it has not been heard of for a while; nobody is sent there.
 *
 * @category models
 * @since 0.1.0
 */
export const ClusterNode = Schema.Struct({ ...nodeFields, silent: Schema.Boolean })

/**
 * @category models
 * @since 0.1.0
 */
export type ClusterNode = typeof ClusterNode.Type

/**
 * A report of a node. Its `granted` is how many sessions it has places for until the answer comes: it takes no new session
 * beyond them meanwhile.
 *
 * - `seq`: grows with each report; an older one that comes late changes nothing.
 * - `want`: how many places it would have, at least `granted`.
 * - `known`: the nodes of the last answer; a new board knows of them by it. Left out while the board is not new.
 * - `leaving`: its last one: all its places are free.
 *
 * @category models
 * @since 0.1.0
 */
export const NodeReport = Schema.Struct({
  ...nodeFields,
  seq: count,
  want: count,
  known: Schema.optionalKey(Schema.Array(ClusterNode)),
  leaving: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type NodeReport = typeof NodeReport.Type

/**
 * The board's answer.
 *
 * - `granted`: how many sessions the node has places for now, at least as many as its report said.
 * - `max`: the cluster's maximum; absent without one.
 * - `free`: places that no node has. Absent without a maximum.
 * - `settled`: false while the board is new: the next report brings `known`.
 * - `scarce`: there are hardly any free places: nodes give back those that they do not need now.
 * - `nodes`: all nodes, this one included.
 *
 * @category models
 * @since 0.1.0
 */
export const BoardAnswer = Schema.Struct({
  granted: count,
  max: Schema.optionalKey(count),
  free: Schema.optionalKey(count),
  settled: Schema.Boolean,
  scarce: Schema.Boolean,
  nodes: Schema.Array(ClusterNode)
})

/**
 * @category models
 * @since 0.1.0
 */
export type BoardAnswer = typeof BoardAnswer.Type

/**
 * What an answer tells of the whole cluster: the places of silent processes are still taken.
 *
 * @category accessors
 * @since 0.1.0
 */
export const stateOf = ({ max, nodes }: Pick<BoardAnswer, "max" | "nodes">): ClusterState => {
  const reporting = nodes.filter(({ silent }) => !silent)
  return {
    nodes: reporting.length,
    placesTaken: nodes.reduce((sum, { sessions }) => sum + sessions, 0),
    places: max ?? reporting.reduce((sum, node) => sum + node.max, 0)
  }
}
