/** Which rooms are asked for again, and which sessions are taken up; LiveKit's API is scripted. */
import { assert, describe, it } from "@effect/vitest"
import * as rtc from "@livekit/rtc-node"
import { Effect } from "effect"
import * as sdk from "livekit-server-sdk"
import { AgentDispatch, ParticipantInfo } from "livekit-server-sdk"
import { ConnectionFailed, SessionNotFound } from "../../../../src/BackendError.ts"
import * as RoomRepair from "../../../../src/providers/livekit/dispatch/RoomRepair.ts"
import * as RoomPeople from "../../../../src/providers/livekit/room/RoomPeople.ts"

const ann = ParticipantInfo.fromJson({ identity: "ann", sid: "PA_1" })
const served = ParticipantInfo.fromJson({ identity: "bob", sid: "PA_2", attributes: { "effect-voice.served": "PA_2" } })
const agent = ParticipantInfo.fromJson({ identity: "agent-ses_1", kind: "AGENT" })
const dispatchOf = (agentName: string, metadata = "", sessions: ReadonlyArray<string> = []) =>
  AgentDispatch.fromJson({
    id: `AD_${agentName}`,
    agentName,
    metadata,
    state: { jobs: sessions.map((id) => ({ id: `AJ_${id}`, state: { participantIdentity: `agent-${id}` } })) }
  })

const make = (
  dispatches: ReadonlyArray<AgentDispatch>,
  recover: (id: string) => Effect.Effect<void, ConnectionFailed | SessionNotFound> = () =>
    Effect.fail(new SessionNotFound({ op: "test", message: "none" }))
) => {
  const renewed: Array<string> = []
  const recovered: Array<string> = []
  const repair = RoomRepair.make({
    agentName: "voice",
    roomPrefix: "voice-",
    people: RoomPeople.make({ rtc, sdk }),
    service: {
      dispatches: () => Effect.succeed(dispatches),
      renewDispatch: (room, { id }) => Effect.sync(() => void renewed.push(`${room} ${id}`))
    },
    recover: (id) =>
      Effect.suspend(() => {
        recovered.push(id)
        return recover(id)
      })
  })
  const look = (people: ReadonlyArray<ParticipantInfo>, room = "r") =>
    Effect.andThen(repair.look(room, people), Effect.sync(repair.looked))
  return { look, renewed, recovered }
}

describe("RoomRepair", () => {
  it.effect("asks again where somebody waits at two looks, and nowhere else", () =>
    Effect.gen(function*() {
      const { look, renewed } = make([dispatchOf("other"), dispatchOf("voice")])
      yield* look([ann])
      assert.deepStrictEqual(renewed, [])
      yield* look([ann, agent])
      yield* look([ann])
      yield* look([])
      yield* look([served])
      yield* look([served])
      yield* look([ann], "voice-ses_1")
      yield* look([ann], "voice-ses_1")
      assert.deepStrictEqual(renewed, [])
      yield* look([ann])
      yield* look([ann])
      assert.deepStrictEqual(renewed, ["r AD_voice"])
    }))

  it.effect("asks for none of others, nor for what cannot be served", () =>
    Effect.gen(function*() {
      for (const dispatches of [[dispatchOf("other")], [dispatchOf("voice", "x".repeat(20_000))]]) {
        const { look, renewed } = make(dispatches)
        yield* look([ann])
        yield* look([ann])
        assert.deepStrictEqual(renewed, [])
      }
    }))

  it.effect("takes up the session that was there, leaves one that somebody has, and asks again for one that is gone", () =>
    Effect.gen(function*() {
      const taken = make([dispatchOf("voice", "", ["ses_1"])], () => Effect.void)
      const had = make(
        [dispatchOf("voice", "", ["ses_1"])],
        () => Effect.fail(new ConnectionFailed({ op: "test", message: "owned" }))
      )
      const gone = make([dispatchOf("voice", "", ["ses_1"])])
      for (const { look } of [taken, had, gone]) {
        yield* look([ann])
        yield* look([ann])
      }
      assert.deepStrictEqual([taken.recovered, had.recovered, gone.recovered], [["ses_1"], ["ses_1"], ["ses_1"]])
      assert.deepStrictEqual([taken.renewed, had.renewed, gone.renewed], [[], [], ["r AD_voice"]])
    }))

  it.effect("bounds how many are asked for in one look", () =>
    Effect.gen(function*() {
      const renewed: Array<string> = []
      const repair = RoomRepair.make({
        agentName: "voice",
        roomPrefix: "voice-",
        people: RoomPeople.make({ rtc, sdk }),
        service: {
          dispatches: () => Effect.succeed([dispatchOf("voice")]),
          renewDispatch: (room) => Effect.sync(() => void renewed.push(room))
        },
        recover: () => Effect.void
      })
      const rooms = Array.from({ length: 100 }, (_, i) => `r${i}`)
      for (const expected of [0, 32, 64]) {
        for (const room of rooms) yield* repair.look(room, [ann])
        repair.looked()
        assert.strictEqual(renewed.length, expected)
      }
    }))
})
