/** Who starts a session by coming into a room, and which sessions are taken up; LiveKit's API is scripted. */
import { assert, describe, it } from "@effect/vitest"
import * as rtc from "@livekit/rtc-node"
import { Effect, Redacted, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as sdk from "livekit-server-sdk"
import { ParticipantInfo, Room, WebhookEvent } from "livekit-server-sdk"
import { ConnectionFailed, SessionNotFound } from "../../../src/BackendError.ts"
import { LiveKitConfig } from "../../../src/providers/livekit/LiveKitConfig.ts"
import * as ParticipantArrivals from "../../../src/providers/livekit/ParticipantArrivals.ts"
import * as RoomName from "../../../src/providers/livekit/room/RoomName.ts"
import type { SessionConfig } from "../../../src/session/SessionConfig.ts"

const key = Redacted.make("a key of the backend's")

interface Guest {
  readonly identity: string
  readonly kind?: "AGENT" | "EGRESS" | "SIP"
  readonly attributes?: { readonly [name: string]: string }
  readonly sid?: string
  /** Unix time in seconds. */
  readonly joinedAt?: number
  readonly state?: "DISCONNECTED"
}

interface Scripted {
  readonly metadata?: string
  readonly people: ReadonlyArray<Guest>
}

const unused = Effect.die("not asked for here")

const start = Effect.fnUntraced(function*(config: { readonly [key: string]: unknown }, taking = true) {
  const options = yield* Schema.decodeUnknownEffect(LiveKitConfig)(config)
  /** What LiveKit has; `undefined` while it cannot be asked. */
  let live: Record<string, Scripted> | undefined = {}
  const asked: Array<string> = []
  const recovered: Array<string> = []
  const sessions = new Map<string, string>()
  const begun: Array<SessionConfig> = []
  const down = new ConnectionFailed({ op: "test", message: "nobody there" })
  const { incoming, onEvent, scan, sessionEnded } = yield* ParticipantArrivals.make({
    packages: { rtc, sdk },
    options,
    key,
    rooms: sessions,
    recover: (id) =>
      Effect.suspend(() => {
        recovered.push(id)
        return Effect.fail(new SessionNotFound({ op: "test", message: "none of this id" }))
      }),
    service: {
      ensureRoom: () => unused,
      deleteRoom: () => unused,
      removeParticipant: () => unused,
      setAttributes: () => unused,
      probe: unused,
      userToken: () => unused,
      agentToken: () => unused,
      dispatches: () => unused,
      renewDispatch: () => unused,
      workerToken: unused,
      rooms: Effect.suspend(() =>
        live === undefined
          ? Effect.fail(down)
          : Effect.succeed(Object.entries(live).map(([name, { metadata = "" }]) => Room.fromJson({ name, metadata })))
      ),
      participants: (room) =>
        Effect.suspend(() => {
          asked.push(room)
          return live === undefined
            ? Effect.fail(down)
            : Effect.succeed((live[room]?.people ?? []).map((guest) => ParticipantInfo.fromJson({ ...guest })))
        })
    }
  })
  const take = Effect.andThen(
    Effect.forkScoped(scan),
    incoming.pipe(Stream.runForEach((session) => Effect.sync(() => begun.push(session))), Effect.forkScoped)
  )
  if (taking) yield* take
  yield* TestClock.adjust("1 millis")
  return {
    begun,
    asked,
    recovered,
    sessions,
    has: (rooms: Record<string, Scripted> | undefined) => {
      live = rooms
    },
    take,
    settle: TestClock.adjust("1 millis"),
    later: (seconds: number) => TestClock.adjust(`${seconds} seconds`),
    ended: (room: string, session: string, served: ReadonlyArray<string> = []) => {
      sessions.delete(room)
      sessionEnded({ room, session, served })
    },
    /** They come into the room, and LiveKit reports it. */
    join: (room: string, guest: Guest) => {
      live = { ...live, [room]: { people: [...live?.[room]?.people ?? [], guest] } }
      onEvent(WebhookEvent.fromJson({ event: "participant_joined", room: { name: room }, participant: { ...guest } }))
    },
    webhook: (room: string, guest: Guest, event = "participant_joined") =>
      onEvent(WebhookEvent.fromJson({ event, room: { name: room }, participant: { ...guest } })),
    raw: (event: sdk.WebhookEvent) => onEvent(event)
  }
})

describe("Arrivals", () => {
  it.effect("starts a session for a participant who joins, in that room", () =>
    Effect.gen(function*() {
      const { begun, join, settle } = yield* start({ automatic: {} })
      join("lobby", { identity: "ann", attributes: { "effect-voice.token": "her token", other: "x" } })
      join("hall", { identity: "+49", kind: "SIP" })
      yield* settle
      assert.deepStrictEqual(
        begun.map(({ metadata, token, transport, userId }) => ({ metadata, token, transport, userId })),
        [
          {
            metadata: { livekit: { room: "lobby", identity: "ann", name: "" } },
            token: "her token",
            transport: "webrtc",
            userId: "ann"
          },
          {
            metadata: { livekit: { room: "hall", identity: "+49", name: "" } },
            token: undefined,
            transport: "webrtc",
            userId: "+49"
          }
        ]
      )
      const target = yield* RoomName.resolve(
        { id: "ses_1", config: { userId: "ann", transport: "webrtc", connectionUrl: begun[0]?.connectionUrl } },
        { key, prefix: "voice-", namedRooms: false }
      )
      assert.deepStrictEqual(target, { room: "lobby", identity: "ann", owned: false, userJoined: true })
    }))

  it.effect("starts none for agents, egress, rooms of sessions, other rooms and other events", () =>
    Effect.gen(function*() {
      const { begun, join, raw, settle, webhook } = yield* start({ automatic: { rooms: ["support-*"] } })
      webhook("support-1", { identity: "a", kind: "AGENT" })
      join("support-1", { identity: "e", kind: "EGRESS" })
      join("voice-ses_1", { identity: "ann" })
      join("lobby", { identity: "ann" })
      webhook("support-1", { identity: "ann" }, "participant_left")
      raw(WebhookEvent.fromJson({ event: "participant_joined" }))
      raw(WebhookEvent.fromJson({ event: "participant_joined", room: { name: "support-1" } }))
      yield* settle
      assert.deepStrictEqual(begun, [])
      join("support-1", { identity: "ann" })
      yield* settle
      assert.strictEqual(begun.length, 1)
      const silent = yield* start({})
      silent.has({ lobby: { people: [{ identity: "ann" }] } })
      silent.webhook("lobby", { identity: "ann" })
      yield* silent.later(60)
      assert.deepStrictEqual([silent.begun, silent.asked], [[], []])
    }))

  it.effect("starts one session per room, however often the arrival is reported", () =>
    Effect.gen(function*() {
      const { begun, has, later, sessions, settle, webhook } = yield* start({ automatic: {} })
      has({ lobby: { people: [{ identity: "ann" }, { identity: "bob" }] } })
      yield* later(25)
      webhook("lobby", { identity: "ann" })
      webhook("lobby", { identity: "bob" })
      yield* later(6)
      assert.strictEqual(begun.length, 1, "the look at 30 s finds that it is about to begin")
      sessions.set("lobby", "ses_1")
      yield* later(60)
      webhook("lobby", { identity: "bob" })
      yield* settle
      assert.strictEqual(begun.length, 1, "there is a session")
      sessions.delete("lobby")
      webhook("lobby", { identity: "bob" })
      yield* settle
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["ann", "bob"])
    }))

  it.effect("finds participants whose webhook was lost or whose session did not start", () =>
    Effect.gen(function*() {
      const { begun, has, later } = yield* start({ automatic: {} })
      has(undefined)
      yield* later(30)
      has({
        lobby: { people: [{ identity: "e", kind: "EGRESS" }, { identity: "ann" }] },
        taken: { people: [{ identity: "bob" }, { identity: "somebody's agent", kind: "AGENT" }] },
        empty: { people: [] }
      })
      yield* later(30)
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["ann"])
      yield* later(30)
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["ann", "ann"], "it never began")
    }))

  it.effect("recovers the sessions named by agents and rooms, but not by users, and none of this process", () =>
    Effect.gen(function*() {
      const { asked, begun, has, later, recovered, sessions } = yield* start({ automatic: {} })
      sessions.set("voice-ses_mine", "ses_mine")
      has({
        "voice-ses_a": { metadata: "{\"effect_voice\":{\"session\":\"ses_a\"}}", people: [] },
        lobby: { people: [{ identity: "ann" }, { identity: "agent-ses_b", kind: "AGENT" }] },
        hall: { metadata: "not JSON", people: [{ identity: "agent-ses_c" }, { identity: "agent-007", kind: "AGENT" }] },
        "voice-ses_mine": {
          metadata: "{\"effect_voice\":{\"session\":\"ses_mine\"}}",
          people: [{ identity: "agent-ses_mine", kind: "AGENT" }]
        }
      })
      yield* later(30)
      assert.deepStrictEqual(recovered.toSorted(), ["ses_a", "ses_b"])
      assert.notInclude(asked, "voice-ses_mine", "what is known is not asked for")
      yield* later(30)
      assert.deepStrictEqual(
        recovered.toSorted(),
        ["ses_a", "ses_a", "ses_b", "ses_b"],
        "a failure is not the last word"
      )
      assert.deepStrictEqual(begun, [])
    }))

  it.effect("bounds the waiting arrivals, and finds the others at the next scan", () =>
    Effect.gen(function*() {
      const { begun, has, join, later, sessions, settle, take } = yield* start({ automatic: {} }, false)
      const names = Array.from({ length: 400 }, (_, i) => `room-${i}`)
      for (const name of names) join(name, { identity: name })
      yield* take
      for (let i = 0; i < 300; i++) yield* settle
      assert.strictEqual(begun.length, 256)
      for (const { userId } of begun) sessions.set(userId, `ses_${userId}`)
      has(Object.fromEntries(names.map((name) => [name, { people: [{ identity: name }] }])))
      yield* later(30)
      for (let i = 0; i < 300; i++) yield* settle
      assert.deepStrictEqual(begun.map(({ userId }) => userId).toSorted(), names.toSorted())
    }))

  it.effect("starts none for somebody who has left, as after a webhook that is replayed", () =>
    Effect.gen(function*() {
      const { begun, has, later, webhook } = yield* start({ automatic: {} })
      has({ lobby: { people: [{ identity: "ann", state: "DISCONNECTED" }] }, hall: { people: [] } })
      webhook("lobby", { identity: "ann" })
      webhook("hall", { identity: "bob" })
      yield* later(20)
      assert.deepStrictEqual(begun, [])
    }))

  it.effect("starts none where there is an agent already, of whichever process", () =>
    Effect.gen(function*() {
      const { begun, has, later, webhook } = yield* start({ automatic: {} })
      has({ lobby: { people: [{ identity: "ann" }, { identity: "agent-ses_other", kind: "AGENT" }] } })
      webhook("lobby", { identity: "ann" })
      yield* later(20)
      assert.deepStrictEqual(begun, [])
    }))

  it.effect("waits for LiveKit to list an arrival, and asks again when it does not answer", () =>
    Effect.gen(function*() {
      const { begun, has, later, webhook } = yield* start({ automatic: {} })
      has({ lobby: { people: [] } })
      webhook("lobby", { identity: "ann" })
      yield* later(0)
      has({ lobby: { people: [{ identity: "ann" }] } })
      yield* later(3)
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["ann"])
      has(undefined)
      webhook("hall", { identity: "bob" })
      yield* later(0)
      has({ hall: { people: [{ identity: "bob" }] } })
      yield* later(4)
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["ann", "bob"])
    }))

  it.effect("serves who came meanwhile as soon as a session ends, the first of them, and not who was served", () =>
    Effect.gen(function*() {
      const { begun, ended, has, later, join, sessions, settle } = yield* start({ automatic: {} })
      sessions.set("lobby", "ses_a")
      join("lobby", { identity: "ann", sid: "PA_ann", joinedAt: 10 })
      join("lobby", { identity: "agent-ses_a", kind: "AGENT", sid: "PA_agent", joinedAt: 11 })
      join("lobby", { identity: "cid", sid: "PA_cid", joinedAt: 30 })
      join("lobby", { identity: "bob", sid: "PA_bob", joinedAt: 20 })
      yield* settle
      assert.deepStrictEqual(begun, [])
      // the agent is still leaving
      ended("lobby", "ses_a", ["PA_ann"])
      yield* settle
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["bob"])
      sessions.set("lobby", "ses_b")
      ended("lobby", "ses_b", ["PA_ann", "PA_bob", "PA_cid"])
      has({ lobby: { people: [{ identity: "ann", sid: "PA_ann" }, { identity: "bob", sid: "PA_bob" }] } })
      yield* later(60)
      assert.strictEqual(begun.length, 1, "who hung up is not called back while they stay")
      has({ lobby: { people: [{ identity: "ann", sid: "PA_again" }] } })
      yield* later(30)
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["bob", "ann"])
    }))

  it.effect("starts none for somebody whom another process has served, while they stay", () =>
    Effect.gen(function*() {
      const { begun, has, later } = yield* start({ automatic: {} })
      const attributes = { "effect-voice.served": "PA_1" }
      has({ lobby: { people: [{ identity: "ann", sid: "PA_1", attributes }] } })
      yield* later(60)
      assert.deepStrictEqual(begun, [])
      // an application that copies attributes into its tokens
      has({ lobby: { people: [{ identity: "ann", sid: "PA_2", attributes }] } })
      yield* later(30)
      assert.deepStrictEqual(begun.map(({ userId }) => userId), ["ann"])
    }))
})
