/**
 * Twenty rooms, two agent workers: real `serve` processes as if on two machines, on one PostgreSQL, at the real livekit-server.
 * The freer worker gets most of the rooms; when one is killed, the other takes all its rooms up. Figures are printed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Scope } from "effect"
import { AccessToken, AgentDispatchClient, RoomServiceClient } from "livekit-server-sdk"
import { LEASE_MS, type Node, until } from "../../../cluster/Nodes.ts"
import * as World from "../../../cluster/World.ts"
import * as Servers from "../../../support/DatabaseServers.ts"
import * as LiveKitServer from "../../../support/LiveKitServer.ts"
import * as LiveKitUser from "../../../support/LiveKitUser.ts"

const missing = LiveKitServer.missing ?? Servers.missingPostgres
const GREETING = "Welcome to the line."
const ROOMS = 20
/** Rooms that are served before the second worker is there. */
const FIRST = 6
/** Places of the first worker: 6 of the others' 14 rooms at most. */
const PLACES = 12
/**
 * Beside the lease: until the others see that a process has gone, its single jobs run elsewhere, the rooms were looked at, and the
 * agents have joined. A few seconds; a machine that is busy with other tests takes ten times as long, so this only bounds the wait.
 */
const NOTICED_MS = 115_000
const say = (line: string) => void process.stdout.write(`livekit workers: ${line}\n`)

/** The places of a process that are taken. */
const takenBy = async (node: Node): Promise<number> => {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  return Number(/^effect_voice_places_taken(?:\{[^}]*\})? (\d+)/mu.exec(text)?.[1] ?? Number.NaN)
}

describe.skipIf(missing !== undefined)("two agent workers of the real livekit-server", () => {
  it.live(
    "most of 20 rooms go to the freer one, and all of a killed one's rooms are taken up by the other",
    () =>
      Effect.gen(function*() {
        const server = yield* LiveKitServer.make()
        const postgres = yield* Servers.postgres
        const scope = yield* Effect.scope
        const api = [server.apiUrl, server.apiKey, server.apiSecret] as const
        const rooms = new RoomServiceClient(...api)
        const dispatches = new AgentDispatchClient(...api)
        /** Comes into a room and has an agent asked for. */
        const call = async (room: string) => {
          const token = new AccessToken(server.apiKey, server.apiSecret, { identity: `user of ${room}` })
          token.addGrant({ room, roomJoin: true })
          const user = await Effect.runPromise(
            LiveKitUser.join(server.url, await token.toJwt()).pipe(Effect.provideService(Scope.Scope, scope))
          )
          await dispatches.createDispatch(room, "desk")
          return { room, user }
        }
        type Call = Awaited<ReturnType<typeof call>>
        const greeted = ({ user }: Call) => user.until("the greeting", () => user.of("agent.speech_started")[0], 60_000)
        /** Types until there is an answer: on a busy machine LiveKit's client for Node may not send all of a text. */
        const answered = ({ user }: Call) =>
          until("an answer", () => {
            user.type("Are you there?").catch(() => {})
            return user.until("an answer", () => user.of("agent.speech_started")[1], 5_000).catch(() => undefined)
          })
        const agentOf = async ({ room }: Call) => {
          const agents = (await rooms.listParticipants(room)).filter(({ identity }) => identity.startsWith("agent-"))
          return { count: agents.length, identity: agents[0]?.identity, sid: agents[0]?.sid }
        }
        const registered = (node: Node) =>
          until(`${node.name} to be registered`, async () => {
            const { parts } = (await node.health()).body as { parts: ReadonlyArray<{ name: string; status: string }> }
            return parts.some(({ name, status }) => name === "provider" && status === "healthy")
          })

        const outcome = yield* Effect.promise(() =>
          World.onPostgres(postgres, async ({ nodes }) => {
            const busy = await nodes.start("busy", { config: { max_concurrent_sessions: PLACES } })
            await registered(busy)
            const calls: Array<Call> = []
            const more = async (count: number) => {
              const askedAt = performance.now()
              for (let i = 0; i < count; i++) calls.push(await call(`room-${calls.length}`))
              await Promise.all(calls.map(greeted))
              return performance.now() - askedAt
            }
            await more(FIRST)
            const free = await nodes.start("free")
            await registered(free)
            const servedMs = await more(ROOMS - FIRST)
            // a greeting that is cut off is said again
            await Promise.all(
              calls.map(({ user }) =>
                user.until("the greeting's end", () => user.of("agent.speech_stopped")[0], 60_000)
              )
            )
            const before = await Promise.all(calls.map(agentOf))
            const [atBusy, atFree] = [await takenBy(busy), await takenBy(free)]

            const killedAt = performance.now()
            await busy.kill()
            // a place is taken before the agent is in the room
            await until(
              "all rooms to be taken up",
              () => calls.filter(({ user }) => user.of("connection.attached").length > 1).length === atBusy,
              LEASE_MS + NOTICED_MS
            )
            const takenUpMs = performance.now() - killedAt
            await Promise.all(calls.map(answered))
            const after = await Promise.all(calls.map(agentOf))

            const same = before.filter(({ identity }, i) => identity === after[i]?.identity).length
            const uncut = before.filter(({ sid }, i) => sid === after[i]?.sid).length
            const alone = after.filter(({ count }) => count === 1).length
            const again = calls.filter(({ user }) =>
              user.of("agent.transcript").filter(({ text }) => text === GREETING).length > 1
            ).length
            return {
              figures: { atBusy, atFree, servedMs, takenUpMs, same, uncut, alone, again },
              problems: []
            }
          }, {
            machines: true,
            cluster: { lock_expiration: `${LEASE_MS}ms` },
            config: {
              provider: "livekit",
              provider_config: {
                url: server.url,
                api_key: server.apiKey,
                api_secret: server.apiSecret,
                dispatch: { agent_name: "desk", repair_interval: "1s" }
              },
              conversation: { first_speaker: "agent", greeting: GREETING },
              session: { resume_window: "10m" },
              max_concurrent_sessions: 2 * ROOMS
            }
          })
        )
        const { again, alone, atBusy, atFree, same, servedMs, takenUpMs, uncut } = outcome.figures
        const [first, further] = [Number(atBusy), Number(atFree)]
        say(
          `of ${ROOMS - FIRST} rooms, all served within ${
            Math.round(Number(servedMs))
          } ms, the free worker got ${further}, ` +
            `and ${first - FIRST} the one with ${FIRST} of ${PLACES} places taken`
        )
        say(`the killed one's ${first} rooms were taken up after ${Math.round(Number(takenUpMs))} ms`)
        assert.strictEqual(first + further, ROOMS)
        assert.isAbove(further, (ROOMS - FIRST) / 2)
        assert.strictEqual(same, ROOMS, "the same sessions")
        assert.strictEqual(uncut, further, "no call of the other worker was cut")
        assert.strictEqual(alone, ROOMS, "one agent in each room")
        assert.strictEqual(again, 0, "the calls go on without a second greeting")
      }),
    300_000
  )
})
