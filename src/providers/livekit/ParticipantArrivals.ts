/**
 * Sessions that begin, or go on, because somebody is in a room.
 *
 * The webhook tells of those who come. A look at all rooms, at the start and every half minute, finds those of whom no
 * webhook told, and the sessions of a process that has died: their agents' names, and the metadata of their rooms, hold the
 * session.
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
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { LiveKitConfig } from "./LiveKitConfig.ts"
import type { LiveKitPackages } from "./LiveKitPackages.ts"
import * as RoomName from "./RoomName.ts"
import type { RoomService } from "./RoomService.ts"

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
  /** The sessions of this process by their rooms. */
  readonly rooms: ReadonlyMap<string, string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ParticipantArrivals {
  readonly onEvent: (event: WebhookEvent) => void
  /** What sessions to begin. Those that go on are taken up on the way. */
  readonly incoming: Stream.Stream<SessionConfig>
}

const LOOK_EVERY = "30 seconds"
const MAX_WAITING = 256
/** How long a session may take to begin. */
const BEGIN_MS = 15_000
/** How many sessions are taken up at once. */
const RECOVERIES = 8

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
  // the same numbers in both packages
  const agent = Number(packages.rtc.ParticipantKind.AGENT)
  const egress = Number(packages.rtc.ParticipantKind.EGRESS)
  const arrived = yield* Queue.dropping<SessionConfig>(MAX_WAITING)
  const clock = yield* Clock.Clock
  /** Rooms in which a session is about to begin, with the time of the arrival. */
  const expected = new Map<string, number>()
  const isExpected = (room: string) => {
    const now = clock.currentTimeMillisUnsafe()
    for (const [each, at] of expected) if (now - at > BEGIN_MS) expected.delete(each)
    return expected.has(room)
  }

  const isWanted = (room: string) =>
    automatic !== undefined && !room.startsWith(options.roomPrefix) && RoomName.matches(automatic.rooms, room)

  const arrive = (room: string, { attributes, identity, name }: ParticipantInfo): void => {
    if (!isWanted(room) || rooms.has(room) || isExpected(room)) return
    const token = attributes["effect-voice.token"]
    const offered = Queue.offerUnsafe(arrived, {
      userId: identity,
      transport: "webrtc",
      connectionUrl: RoomName.seal(key, { room, identity }),
      metadata: { livekit: { room, identity, name } },
      ...(token === undefined ? {} : { token })
    })
    if (offered) expected.set(room, clock.currentTimeMillisUnsafe())
  }

  const isPerson = ({ kind }: ParticipantInfo) => Number(kind) !== agent && Number(kind) !== egress

  const onEvent = ({ event, participant, room }: WebhookEvent): void => {
    if (event !== "participant_joined" || room === undefined || participant === undefined) return
    if (isPerson(participant)) arrive(room.name, participant)
  }

  /** Takes up a session that nobody cares for any more, if there is one of this name. */
  const recover = (room: string, session: string) =>
    rooms.get(room) === session ? Effect.void : Effect.ignore(host.recover(session))

  const lookInto = Effect.fnUntraced(function*(room: string, metadata: string) {
    const people = yield* service.participants(room)
    const kept = decodeMetadata(metadata)
    const sessions = new Set(people.flatMap(({ identity, kind }) => {
      const session = Number(kind) === agent ? RoomName.sessionOfAgent(identity) : undefined
      return session === undefined ? [] : [session]
    }))
    if (kept._tag === "Some") sessions.add(kept.value.effect_voice.session)
    for (const session of sessions) yield* recover(room, session)
    const user = people.find(isPerson)
    if (user !== undefined && !people.some(({ kind }) => Number(kind) === agent)) arrive(room, user)
  })

  const look: Effect.Effect<void, BackendError> = Effect.flatMap(
    service.rooms,
    Effect.forEach(({ metadata, name }) =>
      // of a room of ours all is known: that would be a request for each session
      !rooms.has(name) && (name.startsWith(options.roomPrefix) || isWanted(name))
        ? Effect.ignore(lookInto(name, metadata))
        : Effect.void, { concurrency: RECOVERIES, discard: true })
  )

  return {
    onEvent,
    incoming: Stream.merge(
      Stream.tick(LOOK_EVERY).pipe(Stream.mapEffect(() => Effect.ignore(look)), Stream.drain),
      Stream.fromQueue(arrived)
    )
  }
})
