/** Which rooms are asked for again, and which sessions are taken up; LiveKit's API is scripted. */
import { assert, describe, it } from "@effect/vitest"
import * as rtc from "@livekit/rtc-node"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as sdk from "livekit-server-sdk"
import { AgentDispatch, ParticipantInfo } from "livekit-server-sdk"
import { ConnectionFailed, SessionNotFound } from "../../../../src/BackendError.ts"
import * as RoomRepair from "../../../../src/providers/livekit/dispatch/RoomRepair.ts"
import * as RoomPeople from "../../../../src/providers/livekit/room/RoomPeople.ts"

const ann = ParticipantInfo.fromJson({ identity: "ann", sid: "PA_1" })
const served = ParticipantInfo.fromJson({ identity: "bob", sid: "PA_2", attributes: { "effect-voice.served": "PA_2" } })
const agent = ParticipantInfo.fromJson({ identity: "agent-ses_1", kind: "AGENT" })
const dispatchOf = (agentName: string, metadata = "", sessions: ReadonlyArray<string> = [], id = `AD_${agentName}`) =>
  AgentDispatch.fromJson({
    id,
    agentName,
    metadata,
    state: {
      createdAt: id.length,
      jobs: sessions.map((id) => ({ id: `AJ_${id}`, state: { participantIdentity: `agent-${id}` } }))
    }
  })

const make = Effect.fnUntraced(function*(
  dispatches: ReadonlyArray<AgentDispatch>,
  recover: (id: string) => Effect.Effect<void, ConnectionFailed | SessionNotFound> = () =>
    Effect.fail(new SessionNotFound({ op: "test", message: "none" }))
) {
  const renewed: Array<string> = []
  const recovered: Array<string> = []
  const rooms = new Map<string, string>()
  let all = dispatches
  /** What was renewed, by room. */
  const later = new Map<string, ReadonlyArray<AgentDispatch>>()
  const of = (room: string) => later.get(room) ?? all
  const repair = RoomRepair.make({
    agentName: "voice",
    roomPrefix: "voice-",
    people: RoomPeople.make({ rtc, sdk }),
    rooms,
    clock: yield* Clock.Clock,
    service: {
      dispatches: (room) => Effect.sync(() => of(room)),
      renewDispatch: (room, { agentName, id }) =>
        Effect.sync(() => {
          renewed.push(`${room} ${id}`)
          later.set(room, [...of(room).filter((each) => each.id !== id), dispatchOf(agentName, "", [], `${id}+`)])
          return `${id}+`
        })
    },
    recover: (id) =>
      Effect.suspend(() => {
        recovered.push(id)
        return recover(id)
      })
  })
  const look = (people: ReadonlyArray<ParticipantInfo>, room = "r") =>
    Effect.andThen(repair.look(room, people), Effect.sync(repair.looked))
  return { repair, look, renewed, recovered, rooms, has: (next: ReadonlyArray<AgentDispatch>) => void (all = next) }
})

describe("RoomRepair", () => {
  it.effect("asks again where somebody has waited for longer than an agent takes to come, and nowhere else", () =>
    Effect.gen(function*() {
      const { look, renewed } = yield* make([dispatchOf("other"), dispatchOf("voice")])
      // a job is being given to a worker: LiveKit tells of none
      for (let second = 0; second < 10; second++) {
        yield* look([ann])
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(renewed, [])
      for (const [people, room] of [[[]], [[served]], [[ann], "voice-ses_1"]] as const) {
        yield* look(people, room)
        yield* TestClock.adjust("1 minute")
        yield* look(people, room)
      }
      assert.deepStrictEqual(renewed, [])
      yield* look([ann])
      yield* TestClock.adjust("10 seconds")
      yield* look([ann])
      assert.deepStrictEqual(renewed, ["r AD_voice"])
      // and again, when nobody could take that one either
      yield* TestClock.adjust("9 seconds")
      yield* look([ann])
      assert.deepStrictEqual(renewed.length, 1)
      yield* TestClock.adjust("1 second")
      yield* look([ann])
      assert.deepStrictEqual(renewed, ["r AD_voice", "r AD_voice+"])
    }))

  it.effect("waits for the agent of a dispatch that the application has just made, whoever waited before", () =>
    Effect.gen(function*() {
      const { has, look, renewed } = yield* make([])
      yield* look([ann])
      yield* TestClock.adjust("1 minute")
      has([dispatchOf("voice")])
      yield* look([ann])
      yield* look([ann])
      has([dispatchOf("voice"), dispatchOf("voice", "", [], "AD_voice_2")])
      yield* TestClock.adjust("10 seconds")
      yield* look([ann])
      assert.deepStrictEqual(renewed, [])
      yield* TestClock.adjust("10 seconds")
      yield* look([ann])
      assert.deepStrictEqual(renewed, ["r AD_voice_2"])
    }))

  it.effect("asks again at the second look where an agent was, of this process or another", () =>
    Effect.gen(function*() {
      for (const own of [false, true]) {
        const { look, renewed, repair, rooms } = yield* make([dispatchOf("voice", "", ["ses_1"])])
        if (own) rooms.set("r", "ses_1")
        if (own) repair.looked()
        else yield* look([ann, agent])
        rooms.clear()
        yield* look([ann])
        assert.deepStrictEqual(renewed, [])
        yield* look([ann])
        assert.deepStrictEqual(renewed, ["r AD_voice"])
      }
    }))

  it.effect("asks for none of others, nor for what cannot be served", () =>
    Effect.gen(function*() {
      for (const dispatches of [[dispatchOf("other")], [dispatchOf("voice", "x".repeat(20_000))]]) {
        const { look, renewed } = yield* make(dispatches)
        yield* look([ann])
        yield* TestClock.adjust("1 minute")
        yield* look([ann])
        assert.deepStrictEqual(renewed, [])
      }
    }))

  it.effect("takes up the session that was there at once, leaves one that somebody has, and asks again for one that is gone", () =>
    Effect.gen(function*() {
      const dispatch = dispatchOf("voice", "", ["ses_1"])
      const taken = yield* make([dispatch], () => Effect.void)
      const had = yield* make([dispatch], () => Effect.fail(new ConnectionFailed({ op: "test", message: "owned" })))
      const gone = yield* make([dispatch])
      const all = [taken, had, gone]
      for (const { look } of all) yield* look([ann])
      assert.deepStrictEqual(all.map(({ recovered }) => recovered), [["ses_1"], ["ses_1"], ["ses_1"]])
      yield* TestClock.adjust("10 seconds")
      for (const { look } of all) yield* look([ann])
      assert.deepStrictEqual(all.map(({ renewed }) => renewed), [[], [], ["r AD_voice"]])
    }))

  it.effect("bounds how many are asked for in one look", () =>
    Effect.gen(function*() {
      const { renewed, repair } = yield* make([dispatchOf("voice")])
      const rooms = Array.from({ length: 100 }, (_, i) => `r${i}`)
      for (const room of rooms) yield* repair.look(room, [ann, agent])
      repair.looked()
      for (const expected of [0, 32, 64]) {
        for (const room of rooms) yield* repair.look(room, [ann])
        repair.looked()
        assert.strictEqual(renewed.length, expected)
      }
    }))
})
