/** Nodes of two releases on one store. */
import { call, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import { type Node, until } from "./Nodes.ts"
import { type Outcome, settled, type World } from "./World.ts"

/** Kills a node whose calls then go on at the others, or try to. */
const lose = async (node: Node): Promise<void> => {
  node.isReachable = false
  await node.kill()
}

/**
 * A call of the older release goes on at a node of the newer one. That of the newer release is refused at an older one,
 * which says why, and goes on as soon as there is a node that can read it.
 */
export const twoVersions = async ({ nodes }: World, { calls: count }: { readonly calls: number }): Promise<Outcome> => {
  const older = await nodes.start("older")
  await settled(nodes)
  const calls = await call(nodes, count, { later: [500, 502, 503] })
  const callers = calls.map(({ caller }) => caller)
  const newer = await nodes.start("newer", { preload: "NextVersion.ts" })
  await lose(older)
  await until("all calls to be at the newer", () => callers.every(({ recoveries }) => recoveries.length === 1))
  await everybodyTalks(calls)

  await nodes.start("older-again")
  newer.isReachable = false
  await lose(newer)
  // an older node cannot take them up, however often it is asked
  await until("all calls to be refused", () => callers.every(({ refusal }) => refusal.includes("newer version")))
  const refusal = JSON.parse(callers[0]?.refusal ?? "{}") as Record<string, unknown>
  const readers = callers.filter(({ recoveries }) => recoveries.length > 1).length
  await nodes.start("newer-again", { preload: "NextVersion.ts" })
  await until("all calls to be at the newer again", () => callers.every(({ recoveries }) => recoveries.length === 2))
  await everybodyTalks(calls)
  await hangUp(calls)
  return {
    figures: {
      calls: count,
      "read by the newer": callers.filter(({ recoveries }) => recoveries.length >= 1).length,
      "refused by the older": `${count - readers} (${String(refusal["status"])} ${String(refusal["code"])}: ${
        String(refusal["detail"])
      })`,
      "resumed at the next newer": callers.filter(({ recoveries }) => recoveries.length === 2).length
    },
    problems: [
      ...problemsOf(calls),
      ...(readers > 0 ? [`${readers} were read by the older`] : []),
      ...(typeof refusal["detail"] === "string" ? [] : ["the refusal has no sentence"])
    ]
  }
}
