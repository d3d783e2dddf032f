/** The database is away, for all nodes or for one. */
import { tcpProxy } from "../support/TcpProxy.ts"
import * as Api from "./Api.ts"
import { call, cutsOf, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import { until } from "./Nodes.ts"
import { type Outcome, settled, type World } from "./World.ts"

/** Statuses with which something that needs the database may fail. */
const TYPED = new Set([502, 503])

export const databaseAway = async (
  { database, nodes }: Required<World>,
  { awayMs, calls: count }: { readonly calls: number; readonly awayMs: number }
): Promise<Outcome> => {
  await nodes.startAll(3)
  await settled(nodes)
  const calls = await call(nodes, count)
  await database.stop()
  const stoppedAt = performance.now()
  const created: Array<Api.Answer> = []
  const seen: Array<Api.Answer> = []
  let rounds = 0
  do {
    // all of them answer, again and again
    await everybodyTalks(calls)
    rounds++
    for (const node of nodes.reachable) created.push(await Api.create(node, "unlucky"))
    for (const { caller, owner } of calls.slice(0, 3)) {
      const other = nodes.reachable.find((node) => node !== owner) ?? owner
      seen.push(await Api.ask(other, "GET", `/v1/sessions/${caller.id}`))
      seen.push(await Api.ask(owner, "GET", `/v1/sessions/${caller.id}`))
    }
  } while (performance.now() - stoppedAt < awayMs)
  const safe = calls.map(({ caller }) => caller.safe.length)
  await database.start()
  const startedAt = performance.now()
  await settled(nodes)
  await until(
    "what is said to be safe again",
    () => calls.every(({ caller }, i) => caller.safe.length > (safe[i] ?? 0))
  )
  const wholeMs = performance.now() - startedAt
  await everybodyTalks(calls)
  const histories = await Promise.all(calls.map(({ caller }) => caller.history()))
  await hangUp(calls)
  const untyped = [...created, ...seen].filter((answer) =>
    !(answer.status < 300 && answer.status > 0) &&
    !(TYPED.has(answer.status) && typeof answer.body["code"] === "string")
  )
  return {
    figures: {
      calls: count,
      "away s": Math.round((startedAt - stoppedAt) / 1_000),
      "rounds in which all were answered": rounds,
      cut: cutsOf(calls),
      "creations meanwhile": JSON.stringify(Api.tally(created.map(({ status }) => status))),
      "slowest of them ms": Math.round(Math.max(...created.map(({ ms }) => ms))),
      "GET meanwhile": JSON.stringify(Api.tally(seen.map(({ status }) => status))),
      "whole again after ms": Math.round(wholeMs)
    },
    problems: [
      ...problemsOf(calls),
      ...(cutsOf(calls) > 0 ? [`${cutsOf(calls)} calls were cut`] : []),
      ...untyped.map((answer) => `not typed: ${Api.reasonOf(answer)}`),
      ...histories.flatMap((items, i) => items.length < (safe[i] ?? 0) ? [`the history of call ${i} is short`] : [])
    ]
  }
}

/** One node of two cannot reach the database for longer than a lease and the resume window; its calls are its own. */
export const partition = async (
  { database, nodes }: Required<World>,
  { awayMs, calls: count }: { readonly calls: number; readonly awayMs: number }
): Promise<Outcome> => {
  const { hostname, port } = new URL(database.url)
  const proxy = await tcpProxy({ host: hostname, port: Number(port) })
  try {
    const behind = new URL(database.url)
    behind.port = String(proxy.port)
    const alone = await nodes.start("alone", { config: { store: { url: behind.href } } })
    await nodes.start("other")
    await settled(nodes)
    const calls = await call(nodes, count)
    const mine = calls.filter(({ owner }) => owner === alone)
    proxy.partition()
    const begunAt = performance.now()
    alone.isReachable = false
    const created: Array<number> = []
    do {
      await everybodyTalks(calls)
      const { id, status } = await Api.create(nodes.next(), "lucky")
      created.push(status)
      if (status === 201) await Api.remove(nodes.next(), id)
    } while (performance.now() - begunAt < awayMs)
    const safe = calls.map(({ caller }) => caller.safe.length)
    proxy.heal()
    alone.isReachable = true
    await until(
      "what is said to be safe again",
      () => calls.every(({ caller }, i) => caller.safe.length > (safe[i] ?? 0))
    )
    await settled(nodes)
    await everybodyTalks(calls)
    // everything that was said meanwhile is in the store: the other node goes on with it
    alone.isReachable = false
    await alone.kill()
    await until("everybody to be back", () => mine.every(({ caller }) => caller.recoveries.length === 1))
    await everybodyTalks(calls)
    await hangUp(calls)
    return {
      figures: {
        calls: count,
        "of the node that was alone": mine.length,
        "away s": Math.round((performance.now() - begunAt) / 1_000),
        "creations at the other": JSON.stringify(Api.tally(created)),
        "cut before it was killed": cutsOf(calls) - mine.length,
        "resumed after it was killed": mine.filter(({ caller }) => caller.recoveries.length === 1).length
      },
      problems: [
        ...problemsOf(calls),
        ...(cutsOf(calls) > mine.length ? [`${cutsOf(calls) - mine.length} calls were cut`] : []),
        ...(mine.length === 0 ? ["the node that was alone had no calls"] : []),
        ...created.filter((status) => status !== 201).map((status) => `a creation at the other: ${status}`)
      ]
    }
  } finally {
    proxy.close()
  }
}
