/**
 * The sessions of jobs: a place is taken when LiveKit asks, and the session is created when the job is assigned.
 *
 * The session's user is the participant of the job; for a room it is who came first, and where nobody is yet, the room itself,
 * and the agent serves the first who comes.
 *
 * One agent of ours serves a room: a job whose room has one when it is assigned, of this process or another, has failed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ParticipantInfo } from "livekit-server-sdk"
import type { ProviderHost, ReservedPlace } from "../../../backend/provider/BackendProvider.ts"
import { type BackendError, ConnectionFailed, InvalidConfig } from "../../../BackendError.ts"
import type { SessionConfig } from "../../../session/SessionConfig.ts"
import type { SessionEnd } from "../../../session/SessionEvent.ts"
import { isServerUrl } from "../LiveKitConfig.ts"
import type { Assignment } from "../room/RoomLink.ts"
import * as RoomName from "../room/RoomName.ts"
import * as RoomPeople from "../room/RoomPeople.ts"
import type { RoomService } from "../room/RoomService.ts"
import type { Job } from "./AgentMessage.ts"
import * as JobMetadata from "./JobMetadata.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface JobSessionsOptions {
  readonly host: ProviderHost
  readonly key: () => Redacted.Redacted<string>
  readonly service: Pick<RoomService, "participants">
  readonly people: Pick<RoomPeople.RoomPeople, "waiting" | "present" | "isUser" | "isAgent">
  /** Takes up a session that no process has. */
  readonly recover: (session: string) => Effect.Effect<void, BackendError>
  /** The sessions of this process by room. */
  readonly rooms: ReadonlyMap<string, string>
  readonly roomPrefix: string
  /** The server's URL, for assignments that name none. */
  readonly url: string
}

/**
 * The session of an assigned job.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobSession {
  readonly ended: Effect.Effect<SessionEnd>
  /** LiveKit says that the job is over: ends the session, unless the agent has only lost the room, and is joining it again. */
  readonly drain: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface JobSessions {
  /** Takes a place for a job, in a scope that ends with the job. Fails when it cannot be taken. */
  readonly reserve: (job: Job) => Effect.Effect<ReservedPlace, BackendError, Scope.Scope>
  /** Creates the session of a job that was assigned. */
  readonly start: (
    job: Job,
    place: ReservedPlace,
    given: { readonly token: string; readonly url: string | undefined }
  ) => Effect.Effect<JobSession, BackendError>
  /** For `RoomLink`: what the agent of a session joins with. */
  readonly assigned: (session: string) => Assignment | undefined
}

const op = "LiveKitProvider.dispatch"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: JobSessionsOptions): JobSessions => {
  const { host, key, people, recover, roomPrefix, rooms, service } = options
  /** Rooms of jobs that are not over; one agent serves a room. */
  const taken = new Set<string>()
  const assignments = new Map<string, Assignment>()
  const refuse = (message: string) => Effect.fail(new ConnectionFailed({ op, message }))

  const reserve = Effect.fnUntraced(function*(job: Job) {
    const room = job.room.name
    if (room.startsWith(roomPrefix)) return yield* refuse("the room belongs to a session")
    if (rooms.has(room) || taken.has(room)) return yield* refuse("the room has an agent of this process")
    if (job.participant !== undefined && RoomPeople.isServed(job.participant)) {
      return yield* refuse("the participant was served")
    }
    if (host.reserve === undefined) return yield* refuse("the backend cannot reserve a place")
    const place = yield* host.reserve
    yield* Effect.acquireRelease(
      Effect.sync(() => taken.add(room)),
      () =>
        Effect.sync(() => {
          taken.delete(room)
          assignments.delete(place.id)
        })
    )
    return place
  })

  /** Those in a room; nobody where LiveKit does not tell. */
  const peopleIn = (room: string): Effect.Effect<ReadonlyArray<ParticipantInfo>> =>
    Effect.map(Effect.orElseSucceed(service.participants(room), () => []), people.present)

  /** Fails where an agent of ours serves the room already, in whichever process: one whose process has died is taken up. */
  const checkAlone = (own: string, present: ReadonlyArray<ParticipantInfo>) =>
    Effect.forEach(present.filter(people.isAgent), ({ identity }) => {
      const session = RoomName.sessionOfAgent(identity)
      return session === undefined || session === own ? Effect.void : Effect.matchEffect(recover(session), {
        // of a process that has died, and had no store
        onFailure: ({ code }) => code === "session_not_found" ? Effect.void : refuse("the room has an agent"),
        onSuccess: () => refuse("the room has an agent")
      })
    }, { discard: true })

  /** Who the session is for; nobody when they have left, or none has come. */
  const userOf = (job: Job, present: ReadonlyArray<ParticipantInfo>): RoomPeople.Person | undefined =>
    job.participant ?? people.waiting(present)[0] ?? present.find(people.isUser)

  const configOf = Effect.fnUntraced(function*(job: Job, present: ReadonlyArray<ParticipantInfo>) {
    const room = job.room.name
    const user = userOf(job, present)
    const config: SessionConfig = user === undefined
      ? { userId: room.slice(0, MAX_USER_ID), transport: "webrtc", connectionUrl: RoomName.seal(key(), { room }) }
      : RoomPeople.sessionOf(key(), room, user)
    const metadata = JobMetadata.toSession(job.metadata ?? "", {
      room,
      job: job.id,
      ...(job.dispatchId === undefined ? {} : { dispatch: job.dispatchId }),
      ...(user === undefined ? {} : { identity: user.identity, name: user.name ?? "" })
    })
    if (metadata !== undefined) return { ...config, metadata }
    return yield* new InvalidConfig({
      op,
      message: "metadata: expected at most 16384 bytes of JSON and 32 levels",
      details: { path: "metadata" }
    })
  })

  const start: JobSessions["start"] = Effect.fnUntraced(function*(job, place, { token, url }) {
    const present = yield* peopleIn(job.room.name)
    yield* checkAlone(place.id, present)
    const config = yield* configOf(job, present)
    let joined = false
    assignments.set(place.id, {
      token,
      url: url !== undefined && isServerUrl(url) ? url.replace(/^http/, "ws") : options.url,
      joined: () => {
        joined = true
      }
    })
    const { drain, session } = yield* place.create(config)
    const agent = RoomName.agentIdentity(place.id)
    /** LiveKit says the same when the dispatch was deleted and when the agent has lost the room, to which it comes back. */
    const hasLeft = Effect.suspend(() =>
      joined
        ? service.participants(job.room.name).pipe(
          Effect.map((all) => !people.present(all).some(({ identity }) => identity === agent)),
          Effect.orElseSucceed(() => false)
        )
        : Effect.succeed(false)
    )
    return { ended: session.ended, drain: Effect.flatMap(hasLeft, (left) => left ? Effect.void : drain) }
  })

  return { reserve, start, assigned: (session) => assignments.get(session) }
}

/** Of a session's `userId`, in characters. */
const MAX_USER_ID = 256
