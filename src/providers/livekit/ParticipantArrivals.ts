/**
 * Starts and recovers sessions because of participants in rooms.
 *
 * The webhook reports participants who join. A scan of all rooms, at the start and every 30 s, or at `dispatch.repair_interval`,
 * by one process of those that are a cluster, finds participants whose webhook was lost, and the sessions of a process that has died: the agent's identity and the room's metadata contain the
 * session's id. When a session ends, its room is looked at once, for whoever has come meanwhile. For whom it was the last,
 * as who has hung up, has an attribute that says so: no process begins another while they stay.
 *
 * Before a session starts LiveKit is asked who is in the room: nobody is served who has left, as after a webhook that is
 * replayed, and no room that has an agent already, as when several processes hear of the arrival.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ParticipantInfo, WebhookEvent } from "livekit-server-sdk"
import type { ProviderHost } from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { RoomRepair } from "./dispatch/RoomRepair.ts"
import type { LiveKitConfig } from "./LiveKitConfig.ts"
import type { LiveKitPackages } from "./LiveKitPackages.ts"
import * as RoomName from "./room/RoomName.ts"
import * as RoomPeople from "./room/RoomPeople.ts"
import type { RoomService } from "./room/RoomService.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ArrivalsOptions {
  readonly packages: LiveKitPackages
  readonly service: RoomService
  readonly options: LiveKitConfig
  /** Takes up a session that no process has. */
  readonly recover: ProviderHost["recover"]
  readonly key: Redacted.Redacted<string>
  /** The sessions of this process by room. */
  readonly rooms: ReadonlyMap<string, string>
  /** What is done for rooms that LiveKit has asked an agent for. Default: nothing. */
  readonly repair?: RoomRepair | undefined
}

/**
 * A session that has ended, with its room.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndedSession {
  readonly room: string
  readonly session: string
  /** The stays (`sid`) of the participants for whom it is over, until they come into the room again. */
  readonly served: ReadonlyArray<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ParticipantArrivals {
  readonly onEvent: (event: WebhookEvent) => void
  /** A session of this process has ended: its room is looked at again. Called after the session is no longer in `rooms`. */
  readonly sessionEnded: (ended: EndedSession) => void
  /** The sessions to start. */
  readonly incoming: Stream.Stream<SessionConfig>
  /** Looks at the rooms again and again: one process does it for all that share the rooms. */
  readonly scan: Effect.Effect<never>
}

const SCAN_INTERVAL = "30 seconds"
const MAX_WAITING = 256
/** How long a session may take to start. */
const START_MS = 15_000
/** How many rooms are looked at at once. */
const CONCURRENT_SCANS = 8
/** Who is in a room is asked again when LiveKit does not answer; after that the scan finds them. */
const ASK_AGAIN = Schedule.jittered(Schedule.exponential("500 millis")).pipe(Schedule.upTo({ times: 3 }))
/** For how many rooms it is kept who has been served. */
const MAX_SERVED = 1_024

const Metadata = Schema.fromJsonString(Schema.Struct({ effect_voice: Schema.Struct({ session: Schema.String }) }))
const decodeMetadata = Schema.decodeUnknownOption(Metadata)

/** A room to look at, because somebody came or a session has ended. */
interface Look {
  readonly room: string
  /** Who came, if known. */
  readonly identity?: string | undefined
  /** The session whose agent is leaving. */
  readonly former?: string | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { key, options, packages, recover, repair, rooms, service }: ArrivalsOptions
): Effect.fn.Return<ParticipantArrivals, never, Scope.Scope> {
  const { automatic } = options
  const { isAgent, isUser, present, waiting } = RoomPeople.make(packages)
  const looks = yield* Queue.dropping<Look>(MAX_WAITING)
  const clock = yield* Clock.Clock
  /** Rooms in which a session is starting, with the time of the arrival. */
  const starting = new Map<string, number>()
  /** By room, the stays of the participants whose session has ended here, should LiveKit not have taken the mark of it. */
  const served = new Map<string, ReadonlyArray<string>>()
  const isStarting = (room: string) => {
    const now = MonotonicTime.nowMs(clock)
    for (const [each, at] of starting) if (now - at > START_MS) starting.delete(each)
    return starting.has(room)
  }

  const isAutomatic = (room: string) =>
    automatic !== undefined && !room.startsWith(options.roomPrefix) && RoomName.matches(automatic.rooms, room)

  /** Notes that a room should be looked at; who comes into a room with a session is found when that ends. */
  const arrive = (look: Look): void => {
    if (!isAutomatic(look.room) || rooms.has(look.room) || isStarting(look.room)) return
    if (Queue.offerUnsafe(looks, look)) starting.set(look.room, MonotonicTime.nowMs(clock))
  }

  const onEvent = ({ event, participant, room }: WebhookEvent): void => {
    if (event !== "participant_joined" || room === undefined || participant === undefined) return
    if (isUser(participant)) arrive({ room: room.name, identity: participant.identity })
  }

  const sessionEnded = ({ room, served: stays, session }: EndedSession): void => {
    served.delete(room)
    if (stays.length > 0) served.set(room, stays)
    for (const oldest of served.keys()) {
      if (served.size <= MAX_SERVED) break
      served.delete(oldest)
    }
    starting.delete(room)
    arrive({ room, former: session })
  }

  /** Who in the room is to be served: who is reported to have come, or who came first. */
  const nextUser = (
    { former, identity, room }: Look,
    people: ReadonlyArray<ParticipantInfo>
  ): ParticipantInfo | undefined => {
    const leaving = former === undefined ? undefined : RoomName.agentIdentity(former)
    const others = present(people).filter((each) => each.identity !== leaving)
    if (others.some(isAgent)) return undefined
    const unserved = waiting(others).filter(({ sid }) => served.get(room)?.includes(sid) !== true)
    return unserved.find((each) => each.identity === identity) ?? unserved[0]
  }

  /** The session to start in a room, if there is somebody to be served. */
  const lookInto = Effect.fnUntraced(function*(look: Look) {
    const { identity, room } = look
    let people: ReadonlyArray<ParticipantInfo> = []
    yield* service.participants(room).pipe(
      Effect.flatMap((present) => {
        people = present
        // LiveKit may report an arrival before it lists it
        return identity === undefined || present.some((each) => each.identity === identity)
          ? Effect.void
          : Effect.fail("absent")
      }),
      Effect.retry(ASK_AGAIN),
      Effect.ignore
    )
    const user = rooms.has(room) ? undefined : nextUser(look, people)
    if (user === undefined) starting.delete(room)
    return user === undefined ? [] : [RoomPeople.sessionOf(key, room, user)]
  })

  /** Recovers a session whose process has died, if this is one. */
  const recoverIn = (room: string, session: string) =>
    rooms.get(room) === session ? Effect.void : Effect.ignore(recover(session))

  const scanRoom = Effect.fnUntraced(function*(room: string, metadata: string) {
    const people = yield* service.participants(room)
    const stored = decodeMetadata(metadata)
    const sessions = new Set(people.flatMap((person) => {
      const session = isAgent(person) ? RoomName.sessionOfAgent(person.identity) : undefined
      return session === undefined ? [] : [session]
    }))
    if (stored._tag === "Some") sessions.add(stored.value.effect_voice.session)
    for (const session of sessions) yield* recoverIn(room, session)
    if (nextUser({ room }, people) !== undefined) arrive({ room })
    if (repair !== undefined && !rooms.has(room)) yield* repair.look(room, people)
  })

  const scanRooms: Effect.Effect<void, BackendError> = Effect.flatMap(
    service.rooms,
    Effect.forEach(({ metadata, name }) =>
      // rooms of this process need no scan, which would be one request per session
      !rooms.has(name) && (repair !== undefined || name.startsWith(options.roomPrefix) || isAutomatic(name))
        ? Effect.ignore(scanRoom(name, metadata))
        : Effect.void, { concurrency: CONCURRENT_SCANS, discard: true })
  ).pipe(Effect.andThen(Effect.sync(() => repair?.looked())))
  const interval = repair === undefined ? SCAN_INTERVAL : options.dispatch?.repairInterval ?? SCAN_INTERVAL

  return {
    onEvent,
    sessionEnded,
    scan: Effect.forever(Effect.andThen(Effect.ignore(scanRooms), Effect.sleep(interval))),
    incoming: Stream.fromQueue(looks).pipe(
      Stream.mapEffect(lookInto, { concurrency: CONCURRENT_SCANS, unordered: true }),
      Stream.flattenIterable
    )
  }
})
