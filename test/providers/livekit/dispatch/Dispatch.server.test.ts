/**
 * LiveKit asks for an agent: `serve` as an agent worker of the real livekit-server, with its embedded engines, and LiveKit's
 * client for Node as the user. Figures are printed.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { AccessToken, AgentDispatchClient, RoomServiceClient } from "livekit-server-sdk"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { HealthPart } from "../../../../src/backend/health/HealthStatus.ts"
import { some } from "../../../support/Full.ts"
import * as LiveKitServer from "../../../support/LiveKitServer.ts"
import * as LiveKitUser from "../../../support/LiveKitUser.ts"
import * as Service from "../Service.ts"

const { missing } = LiveKitServer
const GREETING = "Welcome to the line."
const say = (line: string) => void process.stdout.write(`livekit dispatch: ${line}\n`)
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits for something that no event brings. */
const eventually = async (what: string, look: () => Promise<boolean>, ms = 30_000): Promise<void> => {
  for (const until = Date.now() + ms; Date.now() < until; await pause(100)) {
    if (await look()) return
  }
  throw new Error(`waited ${ms} ms in vain: ${what}`)
}

describe.skipIf(missing !== undefined)("agent dispatch of the real livekit-server", () => {
  const scope = Scope.makeUnsafe()
  let joined = Scope.makeUnsafe()
  let running = Scope.makeUnsafe()
  let server: LiveKitServer.LiveKitServer
  let rooms: RoomServiceClient
  let dispatches: AgentDispatchClient

  const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>, within: Scope.Scope) =>
    Effect.runPromise(Effect.orDie(effect).pipe(Scope.provide(within)))
  const guest = async (room: string, identity: string) => {
    const token = new AccessToken(server.apiKey, server.apiSecret, { identity })
    token.addGrant({ room, roomJoin: true })
    return await run(LiveKitUser.join(server.url, await token.toJwt()), joined)
  }
  /** Waits until LiveKit knows a worker: its provider is healthy then. */
  const registered = async (service: Service.Service) => {
    let seen: unknown
    await eventually("the worker is registered", async () => {
      const response = await fetch(`${service.url()}/health/ready`)
      const health = await response.json() as { readonly parts?: ReadonlyArray<HealthPart> }
      seen = health
      return health.parts?.some(({ name, status }) => name === "provider" && status === "healthy") === true
    }, 60_000).catch((cause: unknown) => {
      throw new Error(`${String(cause)}: ${JSON.stringify(seen)}`, { cause })
    })
  }
  const worker = async (
    dispatch: { readonly [key: string]: unknown },
    config: { readonly [key: string]: unknown } = {}
  ) => {
    const service = await run(
      Service.make({
        server,
        provider: { dispatch },
        config: { conversation: { first_speaker: "agent", greeting: GREETING }, ...config }
      }),
      running
    )
    await registered(service)
    return service
  }
  const active = async (service: Service.Service) =>
    (await service.sessions()).filter(({ state }) => state !== "closed").length

  beforeAll(async () => {
    server = await run(LiveKitServer.make(), scope)
    rooms = new RoomServiceClient(server.apiUrl, server.apiKey, server.apiSecret)
    dispatches = new AgentDispatchClient(server.apiUrl, server.apiKey, server.apiSecret)
  }, 60_000)
  afterEach(async () => {
    await Effect.runPromise(Scope.close(joined, Exit.void))
    await Effect.runPromise(Scope.close(running, Exit.void))
    for (const { name } of await rooms.listRooms()) await rooms.deleteRoom(name)
    joined = Scope.makeUnsafe()
    running = Scope.makeUnsafe()
  }, 60_000)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

  it(
    "an explicit dispatch is answered: the agent comes with the job's token, hears and answers; its end ends it",
    async () => {
      const service = await worker({ agent_name: "voice" })
      const user = await guest("desk", "ann")
      assert.strictEqual(user.room.remoteParticipants.size, 0, "a named agent comes when it is asked for")
      const askedAt = Date.now()
      const dispatch = await dispatches.createDispatch("desk", "voice", { metadata: JSON.stringify({ order: 7 }) })
      await eventually("the agent", async () => user.room.remoteParticipants.size > 0)
      const joinedMs = Date.now() - askedAt
      const first = await user.until("its first sound", () => user.loudAt[0])
      say(`createDispatch to the agent in the room ${joinedMs} ms, to its first sound ${first - askedAt} ms`)
      await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
      const [agent] = [...user.room.remoteParticipants.values()]
      const [session] = await service.sessions()
      assert.strictEqual(agent?.identity, `agent-${session?.id}`)
      assert.strictEqual(agent?.attributes["effect-voice.session"], session?.id)
      assert.strictEqual(agent?.attributes["lk.agent_name"], "voice", "only the job's own token says so")
      const read = await (await fetch(`${service.url()}/v1/sessions/${session?.id}`)).json() as {
        readonly user_id: string
        readonly metadata: {
          readonly order: number
          readonly livekit: { readonly dispatch: string; readonly room: string }
        }
      }
      assert.strictEqual(read.metadata.order, 7)
      assert.strictEqual(read.metadata.livekit.room, "desk")
      assert.strictEqual(read.metadata.livekit.dispatch, dispatch.id)
      await user.speak(LiveKitUser.recording("queen-of-clubs"))
      await user.until(
        "the words",
        () => user.of("user.transcript").find(({ final, text }) => final && /queen/i.test(text))
      )
      await user.until("the answer", () => user.of("agent.speech_stopped")[1])
      // termination
      await dispatches.deleteDispatch(dispatch.id, "desk")
      await eventually("the agent has left", async () => user.room.remoteParticipants.size === 0)
      await eventually("the place is free", async () => await active(service) === 0)
    },
    90_000
  )

  it(
    "in a room without anybody the agent waits for the first who comes, and every room gets one without a name",
    async () => {
      const service = await worker({})
      await rooms.createRoom({ name: "hall" })
      await eventually("the agent", async () => (await rooms.listParticipants("hall")).length === 1)
      const user = await guest("hall", "ann")
      await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
      assert.strictEqual(await active(service), 1)
      // those of sessions have theirs
      const created = await service.create()
      const own = await run(LiveKitUser.join(created.connection_url, created.token), joined)
      await own.until("the greeting", () => own.of("agent.speech_stopped")[0])
      assert.strictEqual(own.room.remoteParticipants.size, 1)
    },
    90_000
  )

  it("participants are jobs as well, and publishers", async () => {
    for (const type of some(["participant", "publisher"], 1)) {
      await worker({ agent_name: type, type })
      const user = await guest(`of-${type}`, "ann")
      await dispatches.createDispatch(`of-${type}`, type)
      await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    }
  }, 90_000)

  it(
    "who was asked for in vain is served when there is room, and the rooms of a killed worker are taken up",
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "effect-voice-dispatch-"))
      await run(
        Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))),
        running
      )
      const config = {
        max_concurrent_sessions: 1,
        store: { kind: "sqlite", path: join(directory, "sessions.sqlite") }
      }
      const workers = [
        await worker({ agent_name: "desk", repair_interval: "1s" }, config),
        await worker({ agent_name: "desk", repair_interval: "1s" }, config)
      ]
      const call = async (room: string) => {
        const user = await guest(room, `user of ${room}`)
        return { room, user, dispatch: await dispatches.createDispatch(room, "desk") }
      }
      const greeted = ({ user }: Awaited<ReturnType<typeof call>>) =>
        user.until("the greeting", () => user.of("agent.speech_stopped")[0], 30_000)
      const first = await call("one")
      await greeted(first)
      // the other worker has the only place
      const second = await call("two")
      await greeted(second)
      assert.deepStrictEqual(await Promise.all(workers.map(active)), [1, 1])
      // nobody has one: LiveKit forgets this job
      const third = await call("three")
      await pause(3_000)
      assert.strictEqual(third.user.room.remoteParticipants.size, 0)
      await dispatches.deleteDispatch(first.dispatch.id, first.room)
      await greeted(third)
      // a worker dies, and the other has a place
      const serves = async (service: Service.Service, { user }: typeof first) => {
        const ids = new Set((await service.sessions()).map(({ id }) => `agent-${id}`))
        return [...user.room.remoteParticipants.keys()].some((identity) => ids.has(identity))
      }
      const [own = "", victim] = await serves(workers[0]!, second)
        ? ["0", workers[0]!] as const
        : ["1", workers[1]!] as const
      const other = workers[own === "0" ? 1 : 0]!
      const [listed] = await dispatches.listDispatch(third.room)
      const [agent = ""] = [...second.user.room.remoteParticipants.keys()]
      await dispatches.deleteDispatch(listed?.id ?? "", third.room)
      await third.user.leave()
      await rooms.deleteRoom(third.room)
      await eventually("the other worker is free", async () => await active(other) === 0)
      const killedAt = Date.now()
      await Effect.runPromise(victim.kill)
      await eventually("the session goes on", async () => await serves(other, second), 60_000)
      say(`a killed worker's room was taken up after ${Date.now() - killedAt} ms`)
      assert.include([...second.user.room.remoteParticipants.keys()], agent, "the same session")
      // LiveKit forwards a text to those who are in the room, and the agent may be joining it
      await eventually("an answer", async () => {
        second.user.type("Are you there?").catch(() => {})
        return await second.user.until("an answer", () => second.user.of("agent.speech_stopped")[1], 3_000)
          .then(() => true, () => false)
      })
    },
    180_000
  )

  it("a worker that drains ends its turn, and the next takes the room", async () => {
    const former = await worker({ agent_name: "desk", repair_interval: "1s" })
    const user = await guest("drain", "ann")
    await dispatches.createDispatch("drain", "desk")
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    const next = await worker({ agent_name: "desk", repair_interval: "1s" })
    assert.strictEqual(await Effect.runPromise(former.stop), 0)
    await user.until("the next one's greeting", () => user.of("agent.speech_stopped")[1], 60_000)
    assert.strictEqual(await active(next), 1)
  }, 120_000)
})
