/** What a job of LiveKit reserves, and what becomes of its session when LiveKit says that the job is over. */
import { assert, describe, it } from "@effect/vitest"
import * as rtc from "@livekit/rtc-node"
import { Effect, Redacted, type Scope } from "effect"
import * as sdk from "livekit-server-sdk"
import { ParticipantInfo } from "livekit-server-sdk"
import type { ProviderHost } from "../../../../src/backend/provider/BackendProvider.ts"
import { type BackendError, ConnectionFailed, SessionNotFound } from "../../../../src/BackendError.ts"
import * as JobSessions from "../../../../src/providers/livekit/dispatch/JobSessions.ts"
import * as RoomPeople from "../../../../src/providers/livekit/room/RoomPeople.ts"
import type { SessionConfig } from "../../../../src/session/SessionConfig.ts"
import type { VoiceSession } from "../../../../src/session/VoiceSession.ts"

const ann = ParticipantInfo.fromJson({ identity: "ann", sid: "PA_1" })
const agent = ParticipantInfo.fromJson({ identity: "agent-ses_1", kind: "AGENT" })
const leaving = ParticipantInfo.fromJson({ identity: "agent-ses_1", kind: "AGENT", state: "DISCONNECTED" })
const away = new ConnectionFailed({ op: "test", message: "away" })
const job = { id: "AJ_1", room: { name: "desk" } }
const given = { token: "a token", url: undefined }

type Participants = Effect.Effect<ReadonlyArray<ParticipantInfo>, BackendError>

/** The sessions of jobs; `participants` is what LiveKit answers. */
const make = (
  participants: () => Participants,
  inRooms: ReadonlyArray<readonly [string, string]> = [],
  recover: (session: string) => Effect.Effect<void, BackendError> = () => Effect.die("not asked for here")
) => {
  const drained: Array<string> = []
  const created: Array<SessionConfig> = []
  const key = Redacted.make("a key")
  const host: ProviderHost = {
    signingKey: key,
    admit: () => Effect.void,
    recover: () => Effect.die("not asked for here"),
    reserve: Effect.sync(() => ({
      id: "ses_1",
      create: (config) =>
        Effect.sync(() => {
          created.push(config)
          return {
            session: { ended: Effect.never } as Partial<VoiceSession> as VoiceSession,
            drain: Effect.sync(() => void drained.push("ses_1"))
          }
        })
    }))
  }
  const jobs = JobSessions.make({
    host,
    key: () => key,
    service: { participants: () => Effect.suspend(participants) },
    people: RoomPeople.make({ rtc, sdk }),
    recover,
    rooms: new Map(inRooms),
    roomPrefix: "voice-",
    url: "wss://livekit.example"
  })
  return { jobs, drained, created }
}

/** Starts a job whose agent is in the room, unless told otherwise, and has LiveKit say that it is over. */
const terminated = (
  then: Participants,
  { joined = true }: { readonly joined?: boolean } = {}
): Effect.Effect<ReadonlyArray<string>, BackendError, Scope.Scope> =>
  Effect.gen(function*() {
    let answer: Participants = Effect.succeed([ann])
    const { drained, jobs } = make(() => answer)
    const place = yield* jobs.reserve(job)
    const session = yield* jobs.start(job, place, given)
    if (joined) jobs.assigned("ses_1")?.joined()
    answer = then
    yield* session.drain
    return drained
  })

describe("JobSessions", () => {
  it.effect("a deleted dispatch ends the session: its agent is still in the room, or was never there", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* terminated(Effect.succeed([ann, agent])), ["ses_1"])
      assert.deepStrictEqual(yield* terminated(Effect.succeed([ann]), { joined: false }), ["ses_1"])
    }).pipe(Effect.scoped))

  it.effect("an agent that has lost the room comes back to it: the session goes on", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* terminated(Effect.succeed([ann])), [])
      assert.deepStrictEqual(yield* terminated(Effect.succeed([ann, leaving])), [])
    }).pipe(Effect.scoped))

  it.effect("a session of which LiveKit does not tell more ends", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* terminated(Effect.fail(away)), ["ses_1"])
    }).pipe(Effect.scoped))

  it.effect("one agent serves a room, until its job is over", () =>
    Effect.gen(function*() {
      const { jobs } = make(() => Effect.succeed([ann]), [["taken", "ses_0"]])
      const outcome = (name: string) =>
        Effect.match(Effect.scoped(jobs.reserve({ ...job, room: { name } })), {
          onFailure: ({ message }) => message,
          onSuccess: () => "taken"
        })
      yield* Effect.scoped(Effect.gen(function*() {
        yield* jobs.reserve(job)
        assert.match(yield* outcome("desk"), /has an agent/u)
      }))
      assert.strictEqual(yield* outcome("desk"), "taken")
      assert.match(yield* outcome("taken"), /has an agent/u)
      assert.match(yield* outcome("voice-ses_9"), /belongs to a session/u)
    }))

  it.effect("a job whose room has an agent of another process has failed: that one stays, or is taken up", () =>
    Effect.gen(function*() {
      const other = ParticipantInfo.fromJson({ identity: "agent-ses_eu-1_0", kind: "AGENT" })
      const foreign = ParticipantInfo.fromJson({ identity: "agent-AJ_7", kind: "AGENT" })
      const notFound = new SessionNotFound({ op: "test", message: "none" })
      for (
        const [recovery, people, isServed] of [
          [Effect.void, [ann, other], true],
          [Effect.fail(away), [ann, other], true],
          // its process has died, and nobody has its session
          [Effect.fail(notFound), [ann, other], false],
          [Effect.void, [ann, foreign, leaving], false]
        ] as const
      ) {
        const asked: Array<string> = []
        const { created, jobs } = make(() => Effect.succeed(people), [], (session) => {
          asked.push(session)
          return recovery
        })
        const outcome = yield* Effect.result(jobs.start(job, yield* jobs.reserve(job), given))
        assert.deepStrictEqual([outcome._tag, created.length], isServed ? ["Failure", 0] : ["Success", 1])
        assert.deepStrictEqual(asked, people.some((each) => each === other) ? ["ses_eu-1_0"] : [])
      }
    }).pipe(Effect.scoped))

  it.effect("the session is for who waits, else for the room, and metadata that is too large is refused", () =>
    Effect.gen(function*() {
      for (const [people, user] of [[[ann, agent], "ann"], [[], "desk"]] as const) {
        const { created, jobs } = make(() => Effect.succeed(people))
        yield* jobs.start({ ...job, metadata: "{\"order\":7}" }, yield* jobs.reserve(job), given)
        assert.strictEqual(created[0]?.userId, user)
        assert.strictEqual(created[0]?.metadata?.["order"], 7)
      }
      const { created, jobs } = make(() => Effect.succeed([ann]))
      const place = yield* jobs.reserve(job)
      const refused = yield* Effect.flip(jobs.start({ ...job, metadata: "x".repeat(20_000) }, place, given))
      assert.strictEqual(refused.code, "invalid_config")
      assert.deepStrictEqual(created, [])
    }).pipe(Effect.scoped))
})
