/** Looking at a session whose node is gone takes it over by no means. */
import * as Api from "./Api.ts"
import { call, everybodyTalks, hangUp, problemsOf } from "./Crowd.ts"
import { until } from "./Nodes.ts"
import * as StoredPlace from "./StoredPlace.ts"
import { type Outcome, settled, type World } from "./World.ts"

/** How often each session is looked at through each node. */
const LOOKS = 3

/** A node is killed whose users stay away: others show its sessions, which stay nobody's until a user comes back or one is ended. */
export const onlyReading = async (
  { database, nodes }: Required<World>,
  { calls: count }: { readonly calls: number }
): Promise<Outcome> => {
  const [, victim] = await nodes.startAll(3)
  if (victim === undefined) throw new Error("there is no second node")
  await settled(nodes)
  const calls = await call(nodes, count)
  const lost = calls.filter(({ owner }) => owner === victim)
  const [first, ...rest] = lost
  if (first === undefined) throw new Error("the victim has no calls")
  for (const { caller } of lost) caller.stayAway()
  const owners = await Promise.all(lost.map(({ caller }) => StoredPlace.locate(database.url, caller.id)))
  await victim.kill()
  // as long as its lease runs, the killed one has them, and cannot be asked
  const early: Array<Api.Answer> = []
  const answers: Array<Api.Answer> = []
  const short: Array<string> = []
  const look = async (all: Array<Api.Answer>) => {
    for (const { caller } of lost) {
      for (const node of nodes.reachable) {
        all.push(await Api.ask(node, "GET", `/v1/sessions/${caller.id}`))
        const history = await Api.ask(node, "GET", `/v1/sessions/${caller.id}/history`)
        all.push(history)
        const items = history.body["history"]
        if (history.status === 200 && !(Array.isArray(items) && items.length >= caller.safe.length)) {
          short.push(`the history at ${node.name} is short`)
        }
        await Api.list(node)
      }
    }
  }
  await look(early)
  const places = () => Promise.all(lost.map(({ caller }) => StoredPlace.locate(database.url, caller.id)))
  await until("its lease to be over", async () => (await places()).every((place) => place?.live === false))
  for (let i = 0; i < LOOKS; i++) await look(answers)
  const after = await places()
  const taken = after.filter((place, i) => place === undefined || place.live || place.owner !== owners[i]?.owner)
  // its end takes it up
  const other = nodes.next()
  const removed = await Api.remove(other, first.caller.id)
  const gone = await Promise.all(nodes.reachable.map((node) => Api.ask(node, "GET", `/v1/sessions/${first.caller.id}`)))
  for (const { caller } of rest) caller.comeBack()
  const talking = calls.filter((each) => each !== first)
  await until("everybody to be back", () => rest.every(({ caller }) => caller.recoveries.length === 1))
  await everybodyTalks(talking)
  await hangUp(calls)
  return {
    figures: {
      "sessions of the killed": lost.length,
      "looks while its lease runs": JSON.stringify(Api.tally(early.map(({ status }) => status))),
      "looks after it": JSON.stringify(Api.tally(answers.map(({ status }) => status))),
      "taken over by them": taken.length,
      "ended by another": removed.status,
      "resumed by their users": rest.filter(({ caller }) => caller.recoveries.length === 1).length
    },
    problems: [
      ...problemsOf(talking),
      ...short,
      ...early.filter(({ status }) => status !== 200 && status !== 502).map((answer) =>
        `an early look: ${Api.reasonOf(answer)}`
      ),
      ...answers.filter(({ status }) => status !== 200).map((answer) => `a look: ${Api.reasonOf(answer)}`),
      ...taken.map((place) => `taken over: ${JSON.stringify(place)}`),
      ...(removed.status < 300 ? [] : [`DELETE: ${Api.reasonOf(removed)}`]),
      ...gone.filter(({ status }) => status !== 404).map((answer) => `GET of an ended: ${Api.reasonOf(answer)}`)
    ]
  }
}
