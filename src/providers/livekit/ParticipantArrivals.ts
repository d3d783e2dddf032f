/**
 * Starts and recovers sessions because of participants in rooms.
 *
 * The webhook reports participants who join. A scan of all rooms, at the start and every 30 s, finds participants whose
 * webhook was lost, and the sessions of a process that has died: the agent's identity and the room's metadata contain the
 * session's id.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ParticipantInfo, WebhookEvent } from "livekit-server-sdk"
import type { ProviderHost } from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { LiveKitConfig } from "./LiveKitConfig.ts"
import type { LiveKitPackages } from "./LiveKitPackages.ts"
import * as RoomName from "./room/RoomName.ts"
import type { RoomService } from "./room/RoomService.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ArrivalsOptions {
  readonly packages: LiveKitPackages
  readonly service: RoomService
  readonly options: LiveKitConfig
  readonly host: ProviderHost
  readonly key: Redacted.Redacted<string>
  /** The sessions of this process by room. */
  readonly rooms: ReadonlyMap<string, string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ParticipantArrivals {
  readonly onEvent: (event: WebhookEvent) => void
  /** The sessions to start. Sessions to recover are recovered while this stream runs. */
  readonly incoming: Stream.Stream<SessionConfig>
}

const SCAN_INTERVAL = "30 seconds"
const MAX_WAITING = 256
/** How long a session may take to start. */
const START_MS = 15_000
/** How many rooms are scanned at once. */
const CONCURRENT_SCANS = 8

const Metadata = Schema.fromJsonString(Schema.Struct({ effect_voice: Schema.Struct({ session: Schema.String }) }))
const decodeMetadata = Schema.decodeUnknownOption(Metadata)

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { host, key, options, packages, rooms, service }: ArrivalsOptions
): Effect.fn.Return<ParticipantArrivals, never, Scope.Scope> {
  const { automatic } = options
  // both packages use the same numbers
  const agent = Number(packages.rtc.ParticipantKind.AGENT)
  const egress = Number(packages.rtc.ParticipantKind.EGRESS)
  const arrived = yield* Queue.dropping<SessionConfig>(MAX_WAITING)
  const clock = yield* Clock.Clock
  /** Rooms in which a session is starting, with the time of the arrival. */
  const starting = new Map<string, number>()
  const isStarting = (room: string) => {
    const now = MonotonicTime.nowMs(clock)
    for (const [each, at] of starting) if (now - at > START_MS) starting.delete(each)
    return starting.has(room)
  }

  const isAutomatic = (room: string) =>
    automatic !== undefined && !room.startsWith(options.roomPrefix) && RoomName.matches(automatic.rooms, room)

  const arrive = (room: string, { attributes, identity, name }: ParticipantInfo): void => {
    if (!isAutomatic(room) || rooms.has(room) || isStarting(room)) return
    const token = attributes["effect-voice.token"]
    const offered = Queue.offerUnsafe(arrived, {
      userId: identity,
      transport: "webrtc",
      connectionUrl: RoomName.seal(key, { room, identity }),
      metadata: { livekit: { room, identity, name } },
      ...(token === undefined ? {} : { token })
    })
    if (offered) starting.set(room, MonotonicTime.nowMs(clock))
  }

  const isUser = ({ kind }: ParticipantInfo) => Number(kind) !== agent && Number(kind) !== egress

  const onEvent = ({ event, participant, room }: WebhookEvent): void => {
    if (event !== "participant_joined" || room === undefined || participant === undefined) return
    if (isUser(participant)) arrive(room.name, participant)
  }

  /** Recovers a session whose process has died, if this is one. */
  const recover = (room: string, session: string) =>
    rooms.get(room) === session ? Effect.void : Effect.ignore(host.recover(session))

  const scanRoom = Effect.fnUntraced(function*(room: string, metadata: string) {
    const people = yield* service.participants(room)
    const stored = decodeMetadata(metadata)
    const sessions = new Set(people.flatMap(({ identity, kind }) => {
      const session = Number(kind) === agent ? RoomName.sessionOfAgent(identity) : undefined
      return session === undefined ? [] : [session]
    }))
    if (stored._tag === "Some") sessions.add(stored.value.effect_voice.session)
    for (const session of sessions) yield* recover(room, session)
    const user = people.find(isUser)
    if (user !== undefined && !people.some(({ kind }) => Number(kind) === agent)) arrive(room, user)
  })

  const scanRooms: Effect.Effect<void, BackendError> = Effect.flatMap(
    service.rooms,
    Effect.forEach(({ metadata, name }) =>
      // rooms of this process need no scan, which would be one request per session
      !rooms.has(name) && (name.startsWith(options.roomPrefix) || isAutomatic(name))
        ? Effect.ignore(scanRoom(name, metadata))
        : Effect.void, { concurrency: CONCURRENT_SCANS, discard: true })
  )

  return {
    onEvent,
    incoming: Stream.merge(
      Stream.tick(SCAN_INTERVAL).pipe(Stream.mapEffect(() => Effect.ignore(scanRooms)), Stream.drain),
      Stream.fromQueue(arrived)
    )
  }
})
