/** A node that is killed, or stops and goes on. */
import * as Api from "./Api.ts"
import { type Call, call, Creating, cutsOf, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import { LEASE_MS, type Nodes, until } from "./Nodes.ts"
import { away, type Outcome, settled, slackMs, type World } from "./World.ts"

export interface CrashOptions {
  readonly calls: number
}

/** Three nodes with calls and creations; the load balancer sends nothing more to one of them, the victim. */
const threeInCalls = async (nodes: Nodes, count: number) => {
  const [, victim] = await nodes.startAll(3)
  if (victim === undefined) throw new Error("there is no second node")
  await settled(nodes)
  const calls = await call(nodes, count)
  const creating = new Creating(nodes)
  await until("some creations before", () => creating.answers.length >= 6)
  // what is in flight at the node itself goes with it, whatever the others do
  victim.isReachable = false
  await until("the creation at the victim to end", () => creating.at !== victim)
  return {
    victim,
    calls,
    lost: calls.filter(({ owner }) => owner === victim),
    others: calls.filter(({ owner }) => owner !== victim),
    creating
  }
}

/** What is wrong with lists in which each of some calls should stand once. */
const notOnce = (lists: ReadonlyArray<ReadonlyArray<string>>, calls: ReadonlyArray<Call>): ReadonlyArray<string> =>
  lists.flatMap((found, i) =>
    calls.flatMap(({ caller: { id } }) => {
      const times = found.filter((other) => other === id).length
      return times === 1 ? [] : [`list ${i}: ${id} stands there ${times} times`]
    })
  )

/** One of three is killed in the middle of its calls: they go on elsewhere, and nobody else notices. */
export const killOne = async ({ nodes }: World, { calls: count }: CrashOptions): Promise<Outcome> => {
  const { calls, creating, lost, others, victim } = await threeInCalls(nodes, count)
  await victim.kill()
  await until("everybody to be back", () => lost.every(({ caller }) => caller.recoveries.length === 1))
  await everybodyTalks(calls)
  await creating.stop()
  const listed = await Promise.all(nodes.reachable.map(Api.list))
  const { longest, median } = away(lost.map(({ caller }) => caller))
  const bound = LEASE_MS + slackMs(creating)
  await hangUp(calls)
  return {
    figures: {
      calls: count,
      "resumed elsewhere": `${lost.filter(({ caller }) => caller.recoveries.length === 1).length} of ${lost.length}`,
      "after ms, median": median,
      "after ms, longest": longest,
      "others cut": cutsOf(others),
      creations: creating.answers.length,
      failed: creating.failed.length,
      "slowest creation ms": Math.round(creating.slowestMs)
    },
    problems: [
      ...problemsOf(calls),
      ...(lost.length === 0 ? ["the victim had no calls"] : []),
      ...(longest > bound ? [`a call was away for ${longest} ms, which is more than ${Math.round(bound)}`] : []),
      ...(cutsOf(others) > 0 ? [`${cutsOf(others)} calls of others were cut`] : []),
      ...creating.failed.map((reason) => `a creation failed: ${reason}`),
      ...notOnce(listed, calls)
    ]
  }
}

/** What a session says when it ends, and nothing of a conversation. */
const OF_AN_END: ReadonlySet<string> = new Set([
  "agent.speech_stopped",
  "playout.clear",
  "session.ended",
  "session.state"
])

/** One of three stops and goes on again: its calls are taken over meanwhile, and it does nothing more to them. */
export const freezeOne = async ({ nodes }: World, { calls: count }: CrashOptions): Promise<Outcome> => {
  const { calls, creating, lost, others, victim } = await threeInCalls(nodes, count)
  victim.freeze()
  for (const { caller } of lost) caller.giveUp()
  await until("everybody to be back", () => lost.every(({ caller }) => caller.recoveries.length === 1))
  await everybodyTalks(calls)
  const { longest, median } = away(lost.map(({ caller }) => caller))
  const bound = LEASE_MS + slackMs(creating)
  // what it had sent before it stopped has been read by now
  const before = new Map(lost.map(({ caller }) => [caller, caller.late.length]))
  victim.thaw()
  await until("the old lines to be closed", () => lost.every(({ caller }) => caller.lateCodes.length === 1))
  await everybodyTalks(calls)
  await settled(nodes)
  await creating.stop()
  const listed = await Promise.all(nodes.reachable.map(Api.list))
  const late = lost.flatMap(({ caller }) => caller.late.slice(before.get(caller)).map(({ type }) => type))
  const begun = late.filter((type) => !OF_AN_END.has(type))
  await hangUp(calls)
  return {
    figures: {
      calls: count,
      "taken over": `${lost.filter(({ caller }) => caller.recoveries.length === 1).length} of ${lost.length}`,
      "after ms, median": median,
      "after ms, longest": longest,
      "others cut": cutsOf(others),
      "old lines closed with": Object.keys(Api.tally(lost.flatMap(({ caller }) => caller.lateCodes))).join(" "),
      "events of the old owner": Object.entries(Api.tally(late)).map((each) => each.join(" ")).join(", "),
      creations: creating.answers.length,
      failed: creating.failed.length,
      "ids listed twice": listed.reduce((sum, found) => sum + found.length - new Set(found).size, 0)
    },
    problems: [
      ...problemsOf(calls),
      ...(lost.length === 0 ? ["the victim had no calls"] : []),
      ...(longest > bound ? [`a call was away for ${longest} ms, which is more than ${Math.round(bound)}`] : []),
      ...(cutsOf(calls) > 0 ? [`${cutsOf(calls)} calls were cut`] : []),
      ...(begun.length > 0 ? [`the old owner still told ${begun.join(", ")}`] : []),
      ...creating.failed.map((reason) => `a creation failed: ${reason}`),
      ...notOnce(listed, calls)
    ]
  }
}

/** Each of three is killed in turn, so that the one that had the Board is among them, with a creation every 0.2 s. */
export const killEach = async ({ nodes }: World): Promise<Outcome> => {
  await nodes.startAll(3)
  await settled(nodes)
  const creating = new Creating(nodes)
  const kills = []
  for (const victim of nodes.running) {
    victim.isReachable = false
    await until("the creation at the victim to end", () => creating.at !== victim)
    const before = creating.answers.length
    await victim.kill()
    const killedAt = performance.now()
    // for as long as it takes until locks and grants of the dead are given to others, and beyond
    await until("that to be over", () => performance.now() - killedAt > 3 * LEASE_MS)
    kills.push(creating.answers.length - before)
    await nodes.start(`${victim.name}-again`)
    await until("a session on the new node", async () => {
      const created = await Api.create(nodes.next(), "settling")
      if (created.status === 201) await Api.remove(nodes.next(), created.id)
      return created.status === 201 && nodes.at(created.url)?.name === `${victim.name}-again`
    })
  }
  await creating.stop()
  return {
    figures: {
      kills: kills.length,
      creations: creating.answers.length,
      failed: creating.failed.length,
      "slowest creation ms": Math.round(creating.slowestMs)
    },
    problems: [
      ...creating.failed.map((reason) => `a creation failed: ${reason}`),
      ...kills.flatMap((count, i) => count === 0 ? [`no creation after kill ${i + 1}`] : [])
    ]
  }
}
