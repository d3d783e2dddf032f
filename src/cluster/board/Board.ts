/**
 * The board of a cluster: who is there, how many sessions each has, and who may have how many of the cluster's maximum.
 *
 * There is one board in a cluster. It is in one of the processes, moves when that process ends, and keeps nothing: the reports of the
 * nodes tell a new one all it must know. Pure: times are given to it, in ms of a monotonic clock.
 *
 * Places are granted. A node admits new sessions within its grant without a question, and a grant is only raised as far as all
 * grants together stay within the maximum. So that this holds whatever is lost, late or repeated:
 *
 * - A grant is never lowered by the board. A node lowers its own and says so in its next report.
 * - A node that is silent has its grant for `FORGET_MS`, or as long as the engine calls it healthy; it believes in it for less.
 * - A new board raises no grant before all nodes that the engine calls healthy have reported, and counts the grants of those that any
 *   of them knew. A board that was stopped is new again.
 * - A resumed session needs no grant: it had its place elsewhere. It is counted at its new node at once, so that for a while more
 *   may be counted than the maximum, but never less than there are.
 *
 * @since 0.1.0
 */
import { type BoardAnswer, type ClusterNode, FORGET_MS, type NodeReport, SILENT_MS, STALL_MS } from "./BoardReport.ts"

interface Entry {
  readonly node: Omit<ClusterNode, "silent">
  readonly seq: number
  readonly atMs: number
  /** Whether it has reported to this board, and said whom it knew. */
  readonly reported: boolean
  readonly introduced: boolean
}

/** What others are told of a node. */
const nodeOf = (report: Entry["node"]): Entry["node"] => {
  const { address, cell, granted, loadLevel, max, nodeUrl, owner, ready, sessions, unstored, version } = report
  return {
    owner,
    address,
    ...(nodeUrl === undefined ? {} : { nodeUrl }),
    version,
    ...(cell === undefined ? {} : { cell }),
    sessions,
    unstored,
    granted,
    max,
    ready,
    loadLevel
  }
}

/** What a node has of the cluster's places: also resumed sessions beyond its grant. */
const placesOf = ({ node }: Entry): number => Math.max(node.granted, node.sessions)

/** So many free places for each node are hardly any: each keeps some in reserve. */
const SCARCE_PER_NODE = 4

/**
 * The state of the board.
 *
 * @category models
 * @since 0.1.0
 */
export class Board {
  readonly #max: () => number | undefined
  readonly #entries = new Map<string, Entry>()
  /** Nodes that have left: others may still name them. */
  readonly #left = new Map<string, number>()
  #healthy: ReadonlySet<string> | undefined
  #bornMs: number
  #reportedMs: number
  #settled = false

  /** `max` is the cluster's maximum of sessions; `undefined`: there is none. */
  constructor(max: () => number | undefined, nowMs: number) {
    this.#max = max
    this.#bornMs = nowMs
    this.#reportedMs = nowMs
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Tells it the addresses of the nodes that the engine calls healthy. */
  engineKnows(addresses: Iterable<string>): void {
    this.#healthy = new Set(addresses)
  }

  /** Enters a report and answers it. */
  report(report: NodeReport, nowMs: number): BoardAnswer {
    if (nowMs - this.#reportedMs > STALL_MS) this.#restart(nowMs)
    this.#reportedMs = nowMs
    this.#forget(nowMs)
    const before = this.#entries.get(report.owner)
    if (before === undefined || !before.reported || report.seq > before.seq) this.#enter(report, before, nowMs)
    this.#settle(nowMs)
    if (report.leaving) return this.#answer(0, nowMs)
    const entry = this.#entries.get(report.owner)
    if (entry === undefined || report.seq < entry.seq) return this.#answer(report.granted, nowMs)
    // the same report again, whose answer was lost: the same answer
    if (before?.reported === true && report.seq === before.seq) return this.#answer(entry.node.granted, nowMs)
    const granted = this.#grant(report)
    this.#entries.set(report.owner, { ...entry, node: { ...entry.node, granted } })
    return this.#answer(granted, nowMs)
  }

  #enter(report: NodeReport, before: Entry | undefined, nowMs: number): void {
    const { known, leaving, seq } = report
    const node = nodeOf(report)
    for (const each of known ?? []) this.#hearOf(each, nowMs)
    // a process that listens at an address is the only one there: the one before it is gone
    for (const [owner, entry] of this.#entries) {
      if (owner !== node.owner && entry.node.address === node.address) this.#entries.delete(owner)
    }
    if (leaving) {
      this.#entries.delete(node.owner)
      this.#left.set(node.owner, nowMs)
      return
    }
    const introduced = known !== undefined || (before?.introduced ?? false)
    this.#entries.set(node.owner, { node, seq, atMs: nowMs, reported: true, introduced })
  }

  /** A node that a former board knew: what it was granted is its own until it reports itself, or is forgotten. */
  #hearOf(other: ClusterNode, nowMs: number): void {
    const node = nodeOf(other)
    const known = this.#entries.get(node.owner)
    const entry: Entry = { node, seq: 0, atMs: known?.atMs ?? nowMs, reported: false, introduced: true }
    if (this.#left.has(node.owner) || known?.reported === true) return
    if (known !== undefined && placesOf(known) >= placesOf(entry)) return
    for (const { node: { address }, reported } of this.#entries.values()) {
      if (reported && address === node.address) return
    }
    this.#entries.set(node.owner, entry)
  }

  /** It was stopped for a while: others may have been the board, so it begins anew, with what it knew as hearsay. */
  #restart(nowMs: number): void {
    this.#settled = false
    this.#bornMs = nowMs
    for (const [owner, { node }] of this.#entries) {
      this.#entries.set(owner, { node, seq: 0, atMs: nowMs, reported: false, introduced: true })
    }
  }

  #forget(nowMs: number): void {
    for (const [owner, { atMs, node }] of this.#entries) {
      if (nowMs - atMs > FORGET_MS && this.#healthy?.has(node.address) !== true) this.#entries.delete(owner)
    }
    for (const [owner, atMs] of this.#left) if (nowMs - atMs > FORGET_MS) this.#left.delete(owner)
  }

  #settle(nowMs: number): void {
    if (this.#settled) return
    if (nowMs - this.#bornMs > FORGET_MS) {
      this.#settled = true
      return
    }
    if (this.#healthy === undefined) return
    const reported = Array.from(this.#entries.values()).filter((entry) => entry.reported)
    const addresses = new Set(reported.map(({ node }) => node.address))
    this.#settled = reported.every(({ introduced }) => introduced) &&
      Array.from(this.#healthy).every((address) => addresses.has(address))
  }

  #total(except?: string): number {
    let total = 0
    for (const [owner, entry] of this.#entries) if (owner !== except) total += placesOf(entry)
    return total
  }

  #grant({ granted, owner, want }: NodeReport): number {
    const max = this.#max()
    if (max === undefined) return Math.max(granted, want)
    if (!this.#settled) return granted
    return Math.max(granted, Math.min(want, max - this.#total(owner)))
  }

  #answer(granted: number, nowMs: number): BoardAnswer {
    const max = this.#max()
    const nodes = Array.from(
      this.#entries.values(),
      ({ atMs, node, reported }) => ({ ...node, silent: !reported || nowMs - atMs > SILENT_MS })
    )
    if (max === undefined) return { granted, settled: this.#settled, scarce: false, nodes }
    const free = Math.max(0, max - this.#total())
    return { granted, max, free, settled: this.#settled, scarce: free < nodes.length * SCARCE_PER_NODE, nodes }
  }
}
