/** What operators do: restart all nodes one after another, add one. */
import * as Api from "./Api.ts"
import { type Call, call, Creating, cutsOf, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import { until } from "./Nodes.ts"
import { type Outcome, settled, type World } from "./World.ts"

export interface PlannedOptions {
  readonly calls: number
}

/** Waits until a node is given sessions. */
const takesSessions = ({ nodes }: World, name: string) =>
  until(`${name} to be given sessions`, async () => {
    const created = await Api.create(nodes.next(), "settling")
    if (created.status === 201) await Api.remove(nodes.next(), created.id)
    return created.status === 201 && nodes.at(created.url)?.name === name
  })

/** Whether calls can be looked at through another node than their own. */
const seenElsewhere = ({ nodes }: World, calls: ReadonlyArray<Call>): Promise<ReadonlyArray<number>> =>
  Promise.all(calls.map(async ({ caller, owner }) => {
    const other = nodes.reachable.find((node) => node !== owner)
    return other === undefined ? 0 : (await Api.ask(other, "GET", `/v1/sessions/${caller.id}`)).status
  }))

/** Every node is stopped and started anew; each waits for its calls, which go on until their users hang up. */
export const rollingRestart = async (world: World, { calls: count }: PlannedOptions): Promise<Outcome> => {
  const { nodes } = world
  const first = await nodes.startAll(3)
  await settled(nodes)
  const calls = [...await call(nodes, count)]
  const creating = new Creating(nodes)
  const exits: Array<number | null> = []
  const seen: Array<number> = []
  const late: Array<number> = []
  let draining = 0
  for (const node of first) {
    const mine = calls.filter(({ owner }) => owner === node)
    node.isReachable = false
    await until("the creation at this node to end", () => creating.at !== node)
    node.terminate()
    await until("its drain", async () => (await node.health()).status === 503)
    draining += mine.length
    await everybodyTalks(mine)
    seen.push(...await seenElsewhere(world, mine))
    const created = await Api.create(node, "late")
    late.push(created.status)
    if (created.status === 201) await Api.remove(nodes.next(), created.id)
    await hangUp(mine)
    exits.push((await node.ended).code)
    const again = await nodes.start(`${node.name}-again`)
    await takesSessions(world, again.name)
  }
  await creating.stop()
  return {
    figures: {
      calls: count,
      "on draining nodes": draining,
      "seen from another node": JSON.stringify(Api.tally(seen)),
      "created at a draining node": JSON.stringify(Api.tally(late)),
      cut: cutsOf(calls),
      creations: creating.answers.length,
      failed: creating.failed.length,
      exits: JSON.stringify(Api.tally(exits.map(String)))
    },
    problems: [
      ...problemsOf(calls),
      ...(cutsOf(calls) > 0 ? [`${cutsOf(calls)} calls were cut`] : []),
      ...seen.filter((status) => status !== 200).map((status) => `GET from another node: ${status}`),
      ...late.filter((status) => status !== 201).map((status) => `a creation at a draining node: ${status}`),
      ...creating.failed.map((reason) => `a creation failed: ${reason}`),
      ...exits.filter((code) => code !== 0).map((code) => `a node ended with ${code}`)
    ]
  }
}

/** A third node joins two: no call notices, and it is given sessions. */
export const join = async (world: World, { calls: count }: PlannedOptions): Promise<Outcome> => {
  const { nodes } = world
  await nodes.startAll(2)
  await settled(nodes)
  const calls = await call(nodes, count)
  const creating = new Creating(nodes)
  const seen: Array<number> = []
  let isOver = false
  const watching = (async () => {
    while (!isOver) seen.push(...await seenElsewhere(world, calls))
  })()
  await nodes.start("n3")
  const listensAt = performance.now()
  await takesSessions(world, "n3")
  const tookMs = performance.now() - listensAt
  await everybodyTalks(calls)
  isOver = true
  await watching
  await creating.stop()
  await hangUp(calls)
  return {
    figures: {
      calls: count,
      cut: cutsOf(calls),
      "seen from another node": JSON.stringify(Api.tally(seen)),
      "given sessions after ms": Math.round(tookMs),
      creations: creating.answers.length,
      failed: creating.failed.length
    },
    problems: [
      ...problemsOf(calls),
      ...(cutsOf(calls) > 0 ? [`${cutsOf(calls)} calls were cut`] : []),
      ...seen.filter((status) => status !== 200).map((status) => `GET from another node: ${status}`),
      ...creating.failed.map((reason) => `a creation failed: ${reason}`)
    ]
  }
}
