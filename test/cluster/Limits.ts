/** What is counted over all nodes: the maximum of sessions, and a rate limit. */
import * as Api from "./Api.ts"
import { type Node, type Nodes, until } from "./Nodes.ts"
import { type Outcome, settled, type World } from "./World.ts"

const atOnce = (nodes: Nodes, count: number, user: (i: number) => string) => {
  const all = nodes.reachable
  return Promise.all(Array.from({ length: count }, (_, i) => Api.create(all[i % all.length] as Node, user(i))))
}

const outcomesOf = (answers: ReadonlyArray<Api.Answer>): string =>
  JSON.stringify(Api.tally(answers.map(({ body, status }) => `${status}${status === 201 ? "" : ` ${body["code"]}`}`)))

/** More creations at once than the cluster takes; then a node dies, and its places are given to others. */
export const maximum = async (
  { nodes }: World,
  { asked, max }: { readonly asked: number; readonly max: number }
): Promise<Outcome> => {
  const [, victim] = await nodes.startAll(3)
  if (victim === undefined) throw new Error("there is no second node")
  await settled(nodes)
  const answers = await atOnce(nodes, asked, (i) => `user-${i}`)
  const made = answers.filter(({ status }) => status === 201)
  const listed = await Promise.all(nodes.reachable.map(Api.list))
  const lost = made.filter(({ url }) => nodes.at(url) === victim).length
  await victim.kill()
  const killedAt = performance.now()
  // as many as were lost come back, and not one more
  const more: Array<Api.Created> = []
  await until("the places of the dead", async () => {
    const created = await Api.create(nodes.next(), "next")
    if (created.status === 201) more.push(created)
    return more.length >= lost
  })
  const backMs = performance.now() - killedAt
  const beyond = await atOnce(nodes, 10, (i) => `beyond-${i}`)
  return {
    figures: {
      maximum: max,
      "asked at once": asked,
      answers: outcomesOf(answers),
      "on each node": JSON.stringify(Api.tally(made.map(({ url }) => nodes.at(url)?.name ?? "nowhere"))),
      "listed on each": listed.map(({ length }) => length).join(" "),
      "lost with a node": lost,
      "places back after ms": Math.round(backMs),
      "more than the maximum then": beyond.filter(({ status }) => status === 201).length
    },
    problems: [
      ...(made.length === max ? [] : [`${made.length} were created`]),
      ...answers.filter(({ status }) => status !== 201 && status !== 503).map((answer) => Api.reasonOf(answer)),
      ...listed.flatMap((ids) => ids.length === max ? [] : [`${ids.length} are listed`]),
      ...beyond.filter(({ status }) => status === 201).map(() => "created beyond the maximum")
    ]
  }
}

/** One user's creations over all nodes. */
export const rate = async (
  { nodes }: World,
  { asked, limit, windowMs }: { readonly asked: number; readonly limit: number; readonly windowMs: number }
): Promise<Outcome> => {
  await nodes.startAll(3)
  // a node that has not reached the buckets counts alone
  await settled(nodes)
  await until("all nodes to count together", async () => {
    const all = await Promise.all(nodes.reachable.map((node) => node.health()))
    return all.every(({ body }) => {
      const parts = body["parts"] as ReadonlyArray<{ readonly name: string; readonly status: string }>
      return parts.some(({ name, status }) => name === "rate_limits" && status === "healthy")
    })
  })
  const said = nodes.all.map(({ output }) => output.length)
  const from = performance.now()
  const answers = await atOnce(nodes, asked, () => "greedy")
  const tookMs = performance.now() - from
  const made = answers.filter(({ status }) => status === 201).length
  // the bucket fills while a slow machine is at it
  const most = limit + Math.floor(tookMs / (windowMs / limit))
  const others = await atOnce(nodes, 3, (i) => `modest-${i}`)
  return {
    figures: {
      limit,
      "asked at once": asked,
      answers: outcomesOf(answers),
      "others' users": outcomesOf(others),
      "took ms": Math.round(tookMs),
      "nodes that counted alone":
        nodes.all.filter(({ output }, i) => output.slice(said[i]).includes("applies the limits alone"))
          .length
    },
    problems: [
      ...(made >= limit && made <= most ? [] : [`${made} were created`]),
      ...answers.filter(({ status }) => status !== 201 && status !== 429).map((answer) => Api.reasonOf(answer)),
      ...others.filter(({ status }) => status !== 201).map((answer) => `another user: ${Api.reasonOf(answer)}`)
    ]
  }
}
