/** Any node answers for any session. */
import * as Api from "./Api.ts"
import { call, cutsOf, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import { until } from "./Nodes.ts"
import { type Outcome, settled, type World } from "./World.ts"

const median = (values: ReadonlyArray<number>): number =>
  Math.round(10 * (values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0)) / 10

/** Every session through every node: view, metadata, history, list, end; its audio directly and through a wrong node. */
export const everyNode = async ({ nodes }: World, { calls: count }: { readonly calls: number }): Promise<Outcome> => {
  const all = await nodes.startAll(3)
  await settled(nodes)
  const direct = await call(nodes, count)
  const wrong = await call(nodes, count, { path: "wrong" })
  const calls = [...direct, ...wrong]
  const problems: Array<string> = []
  const times = { own: [] as Array<number>, other: [] as Array<number> }
  const expect = (what: string, answer: Api.Answer, status = 200): Api.Answer => {
    if (answer.status !== status) problems.push(`${what}: ${Api.reasonOf(answer)}`)
    return answer
  }
  for (const { caller, owner } of calls) {
    const path = `/v1/sessions/${caller.id}`
    for (const node of all) {
      const view = expect(`GET at ${node.name} of ${owner.name}'s`, await Api.ask(node, "GET", path))
      times[node === owner ? "own" : "other"].push(view.ms)
      if (view.body["id"] !== caller.id) problems.push(`${node.name} shows ${String(view.body["id"])}`)
      const patch = { seen_by: node.name }
      expect(`PATCH at ${node.name}`, await Api.ask(node, "PATCH", `${path}/metadata`, { body: patch }))
      const history = expect(`history at ${node.name}`, await Api.ask(node, "GET", `${path}/history`))
      const items = history.body["history"]
      if (!Array.isArray(items) || items.length < caller.safe.length) problems.push(`history at ${node.name} is short`)
    }
    const views = await Promise.all(all.map((node) => Api.ask(node, "GET", path)))
    const metadata = JSON.stringify({ caller: caller.name, seen_by: all.at(-1)?.name })
    problems.push(
      ...views.flatMap(({ body }, i) =>
        JSON.stringify(body["metadata"]) === metadata
          ? []
          : [`metadata at node ${i}: ${JSON.stringify(body["metadata"])}`]
      )
    )
  }
  for (const node of all) {
    expect(`unknown at ${node.name}`, await Api.ask(node, "GET", "/v1/sessions/ses_nobody"), 404)
    expect(`end of an unknown at ${node.name}`, await Api.remove(node, "ses_nobody"), 404)
  }
  const listed = await Promise.all(all.map(Api.list))
  const ids = calls.map(({ caller }) => caller.id).sort()
  problems.push(
    ...listed.flatMap((found, i) =>
      JSON.stringify(found.toSorted()) === JSON.stringify(ids)
        ? []
        : [`node ${i} lists ${found.length} of ${ids.length}`]
    )
  )
  await everybodyTalks(calls)
  const cut = cutsOf(calls)
  // ended through a node that has it not: its user is told, and it is nowhere any more
  const [first] = direct
  if (first === undefined) throw new Error("there is no call")
  const other = all.find((node) => node !== first.owner) ?? first.owner
  const removed = await Api.remove(other, first.caller.id)
  if (removed.status >= 300) problems.push(`DELETE at ${other.name}: ${Api.reasonOf(removed)}`)
  await until("the call to be told", () => first.caller.problems.some((problem) => problem.startsWith("ended")))
  for (const node of all) expect(`GET of an ended`, await Api.ask(node, "GET", `/v1/sessions/${first.caller.id}`), 404)
  const rest = calls.filter((each) => each !== first)
  await hangUp(calls)
  return {
    figures: {
      calls: calls.length,
      "through a wrong node": wrong.length,
      cut,
      "GET at the owner ms": median(times.own),
      "GET elsewhere ms": median(times.other),
      "listed on each": listed.map(({ length }) => length).join(" ")
    },
    problems: [...problemsOf(rest), ...problems, ...(cut > 0 ? [`${cut} calls were cut`] : [])]
  }
}
