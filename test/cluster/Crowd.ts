/** Callers who speak all the time, and creations in the background: what a fault does to them is counted. */
import { Caller } from "../recovery/Caller.ts"
import * as Kill from "../recovery/Kill.ts"
import * as Api from "./Api.ts"
import { type Node, type Nodes, until } from "./Nodes.ts"

export interface Call {
  readonly caller: Caller
  /** The node that has its session since it was created. */
  readonly owner: Node
}

export interface CrowdOptions {
  /** How a caller reaches its session: at its owner, or at another node, which has to pass it on. */
  readonly path?: "direct" | "wrong"
  /** Statuses that mean "later". Default: 502 and 503. */
  readonly later?: ReadonlyArray<number>
}

/** Calls that are created at the nodes in turn; each has said something that is safe. */
export const call = async (nodes: Nodes, count: number, options: CrowdOptions = {}) => {
  const { later = [502, 503], path = "direct" } = options
  const calls: Array<Call> = []
  for (let i = 0; i < count; i++) {
    const at = nodes.next()
    const caller = new Caller(`caller-${i}`, at.url, { next: () => nodes.next().url, later })
    await caller.create(path === "direct" ? undefined : (url) => wrongFor(nodes, url).url)
    const owner = nodes.at(caller.createdAt)
    if (owner === undefined) throw new Error(`no node is at ${caller.createdAt}`)
    caller.say()
    calls.push({ caller, owner })
  }
  await until("every caller's first words to be safe", () => calls.every(({ caller }) => caller.safe.length > 0))
  return calls
}

const wrongFor = (nodes: Nodes, url: string): Node => {
  const wrong = nodes.reachable.find((node) => node !== nodes.at(url))
  if (wrong === undefined) throw new Error("there is no other node")
  return wrong
}

export const problemsOf = (calls: ReadonlyArray<Call>): ReadonlyArray<string> =>
  calls.flatMap(({ caller, owner }) => caller.problems.map((problem) => `${caller.name} of ${owner.name}: ${problem}`))

export const cutsOf = (calls: ReadonlyArray<Call>): number =>
  calls.reduce((sum, { caller }) => sum + caller.cuts.length, 0)

/** Waits until everybody has finished another turn: their calls work. */
export const everybodyTalks = async (calls: ReadonlyArray<Call>): Promise<void> => {
  const before = new Map(calls.map(({ caller }) => [caller, caller.turns]))
  await until(
    "everybody to be answered",
    () => calls.every(({ caller }) => caller.isConnected && caller.turns > (before.get(caller) ?? 0))
  )
}

export const hangUp = (calls: ReadonlyArray<Call>): Promise<unknown> =>
  Promise.all(calls.map(({ caller }) => caller.end()))

/** Creates a session every `everyMs` at the nodes that a load balancer would choose, and ends it again. */
export class Creating {
  readonly answers: Array<Api.Answer> = []
  readonly #nodes: Nodes
  readonly #everyMs: number
  /** The node that it is asking now. */
  at: Node | undefined
  #isOver = false
  readonly #loop: Promise<void>

  constructor(nodes: Nodes, everyMs = 200) {
    this.#nodes = nodes
    this.#everyMs = everyMs
    this.#loop = this.#run()
  }

  async #run(): Promise<void> {
    // a scenario that fails does not come to stop it
    while (!this.#isOver && !this.#nodes.isClosed && this.#nodes.reachable.length > 0) {
      this.at = this.#nodes.next()
      const created = await Api.create(this.at, "passer-by")
      this.answers.push(created)
      this.at = undefined
      if (created.status === 201 && this.#nodes.reachable.length > 0) {
        await Api.remove(this.#nodes.next(), created.id)
      }
      await Kill.pause(this.#everyMs)
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#loop
  }

  get failed(): ReadonlyArray<string> {
    return this.answers.filter(({ status }) => status !== 201).map(Api.reasonOf)
  }

  get slowestMs(): number {
    return Math.max(0, ...this.answers.map(({ ms }) => ms))
  }

  /** What an ordinary creation takes, in ms. */
  get usualMs(): number {
    const sorted = this.answers.map(({ ms }) => ms).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? 0
  }
}
