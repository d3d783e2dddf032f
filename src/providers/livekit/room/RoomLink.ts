/**
 * Links a session to its room: the agent joins and stays, and users who join become attachments of the session.
 *
 * The agent joins while the user's client does; a failure ends the session. After a lost connection the agent joins again,
 * until the session's resume window ends the session. The participants are read again whenever one joins or leaves, so the
 * order of LiveKit's events does not matter.
 *
 * @since 0.1.0
 */
import type { RemoteParticipant } from "@livekit/rtc-node"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BackendConfig } from "../../../backend/config/BackendConfig.ts"
import type {
  LinkedSession,
  ProviderHost,
  SessionAccess,
  SessionLink
} from "../../../backend/provider/BackendProvider.ts"
import { type BackendError, InvalidConfig } from "../../../BackendError.ts"
import { finalizeWithin } from "../../../Deadline.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
import type { SessionEnd } from "../../../session/SessionEvent.ts"
import type { UserConnection } from "../../../session/UserConnection.ts"
import type { MediaClock } from "../../../transport/MediaClock.ts"
import type { LiveKitConfig, LiveKitServer } from "../LiveKitConfig.ts"
import type { LiveKitPackages } from "../LiveKitPackages.ts"
import type { EndedSession } from "../ParticipantArrivals.ts"
import * as TextInbox from "../text/TextInbox.ts"
import * as TextOutbox from "../text/TextOutbox.ts"
import * as Transcription from "../text/Transcription.ts"
import * as AgentRoom from "./AgentRoom.ts"
import * as OtherAgents from "./OtherAgents.ts"
import * as RoomConnection from "./RoomConnection.ts"
import * as RoomFacts from "./RoomFacts.ts"
import * as RoomName from "./RoomName.ts"
import { RoomPresence } from "./RoomPresence.ts"
import type { RoomService } from "./RoomService.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomLinkOptions {
  readonly packages: LiveKitPackages
  readonly service: RoomService
  readonly server: LiveKitServer
  readonly options: LiveKitConfig
  readonly config: BackendConfig
  readonly host: ProviderHost
  readonly mediaClock: MediaClock
  /** The sessions of this process by room; updated here. */
  readonly rooms: Map<string, string>
  /** What LiveKit gave for a session that it has asked for: with it the agent joins the room for the first time. */
  readonly assigned?: ((session: string) => Assignment | undefined) | undefined
  /** Called when a session has ended and its agent has left the room. */
  readonly sessionEnded: (ended: EndedSession) => void
}

/**
 * A room's token for the agent of a session, and the server that takes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Assignment {
  readonly token: string
  readonly url: string
  /** Called when the agent is in the room. */
  readonly joined: () => void
}

/** How often the agent tries to join again after a lost connection. */
const REJOIN_INTERVAL = "1 second"
/** How much longer than the connect and resume windows a room is kept: for LiveKit, a room with only an agent is empty. */
const ROOM_MARGIN = Duration.seconds(15)
const REMOVE_DEADLINE = "3 seconds"
/** How long a last message may take to arrive. */
const LAST_MESSAGE_DELAY = "250 millis"
/** Attachments that wait for the session; more never do. */
const MAX_ATTACHMENTS = 8

/**
 * How long a room whose user has left of their own accord is kept for them while others wait in it: the time of a page that is
 * loaded again.
 */
const RELOAD_WINDOW = "3 seconds"

/** `abandoned`: the user has left, and others wait. `occupied`: another agent was in the room before this one. */
type ServiceEnd = AgentRoom.RoomEnd | "abandoned" | "occupied"

const endReason: Record<ServiceEnd, string> = {
  closed: "room_closed",
  replaced: "replaced",
  lost: "connection_lost",
  abandoned: "client_closed",
  occupied: "server_closed"
}

/** The ends of a session that are meant for whoever is in the room; after the others somebody may take the call up. */
const FINAL: ReadonlySet<SessionEnd> = new Set(["user_ended", "closed", "input_ended", "longest", "user_away"])

interface Stay {
  readonly identity: string
  readonly sid: string
}

const staysOf = (people: ReadonlyArray<RemoteParticipant>): ReadonlyArray<Stay> =>
  people.flatMap(({ identity, sid }) => sid === undefined ? [] : [{ identity, sid }])

/**
 * Opens the room of a session. Fails like LiveKit's server API, and with `invalid_config` for a room that the config does not allow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  session: LinkedSession,
  link: RoomLinkOptions
): Effect.fn.Return<SessionLink, BackendError, Scope.Scope> {
  const { config, host, options, server, service } = link
  const limits = () => host.limits?.() ?? config.session
  // LiveKit checks it, also when a user comes back late in a long call
  const tokenTtl = () => Duration.max(limits().tokenTtl, config.session.longest)
  const clock = yield* Clock.Clock
  const nowMs = () => MonotonicTime.nowMs(clock)
  const target = yield* RoomName.resolve(session, {
    key: host.signingKey,
    formerKeys: host.formerKeys?.() ?? [],
    prefix: options.roomPrefix,
    namedRooms: options.namedRooms
  })
  const queue = yield* Queue.bounded<UserConnection, BackendError | Cause.Done>(MAX_ATTACHMENTS)
  const occupied = new InvalidConfig({
    op: "LiveKitProvider.open",
    message: "this room already has a session",
    details: { path: "connection_url" }
  })
  /** Another process has taken the session over, so the room must stay. */
  let takenOver = false
  /** Whether a user was connected, here or in the process that had the session before. */
  let wasAttached = session.resumed
  /** The session's user, when they are known. */
  let user = target.identity
  /** Until the agent has joined with it; it is not valid for as long as a call may be. */
  let assigned = link.assigned?.(session.id)
  /** The stays for which the session is over. */
  let served: ReadonlyArray<Stay> = []

  const ensure = target.owned
    ? service.ensureRoom({
      name: target.room,
      metadata: JSON.stringify({ effect_voice: { session: session.id } }),
      // longer than the session's own windows: the session ends first and deletes the room
      emptyTimeout: Duration.sum(config.session.connectWindow, ROOM_MARGIN),
      departureTimeout: Duration.sum(limits().resumeWindow, ROOM_MARGIN)
    })
    : Effect.void

  /** Joins the room once, serves the users in it, and returns how it ended. */
  const serveOnce = Effect.fnUntraced(function*(onJoined: () => void) {
    const presence = new RoomPresence(options.participants, user)
    const changed = Latch.makeUnsafe(true)
    const token = assigned?.token ?? (yield* service.agentToken({
      room: target.room,
      identity: RoomName.agentIdentity(session.id),
      name: options.agentName,
      ttl: tokenTtl(),
      attributes: { [Transcription.STATE_ATTRIBUTE]: "initializing", [RoomName.SESSION_ATTRIBUTE]: session.id }
    }))
    const parts: { agent?: AgentRoom.AgentRoom; inbox?: TextInbox.TextInbox; outbox?: TextOutbox.TextOutbox } = {}
    const users = () => parts.agent?.participants().filter(({ identity }) => presence.accepts(identity)) ?? []

    const agent = yield* AgentRoom.join({
      packages: link.packages,
      url: assigned?.url ?? server.url,
      token,
      timeout: config.timeout,
      acceptsAudio: (identity) => presence.accepts(identity),
      listener: {
        participantsChanged: () => changed.openUnsafe(),
        participantLeft: (identity, ofOwnAccord) => presence.participantLeft(identity, ofOwnAccord),
        audio: (identity, pcm) => presence.audio(identity, pcm),
        voiceEnded: (identity) => presence.voiceEnded(identity)
      },
      prepare: Effect.fnUntraced(function*(room) {
        parts.inbox = yield* TextInbox.listen({
          room,
          makeRpcError: (code, message) => new link.packages.rtc.RpcError(code, message),
          accepts: (identity) => presence.accepts(identity),
          message: (message) => presence.message(message),
          malformed: (reason) => presence.malformed(reason),
          floor: (identity, holds) => presence.takeFloor(identity, holds),
          nowMs
        })
        parts.outbox = yield* TextOutbox.make({
          room,
          session: session.id,
          listeners: () => users().map(({ identity }) => identity),
          speaker: () => presence.speaker,
          tracks: {
            user: () => presence.speaker === undefined ? undefined : parts.agent?.trackOf(presence.speaker),
            agent: () => parts.agent?.ownTrack()
          }
        })
      })
    })
    parts.agent = agent
    assigned?.joined()
    assigned = undefined
    const { outbox } = parts
    if (outbox === undefined || agent.room.localParticipant === undefined) return "lost" as const
    // One that loses the room meanwhile does not know who is in it, and joins again.
    const found: ServiceEnd | "alone" = yield* OtherAgents.find({
      self: agent.room.localParticipant,
      session: session.id,
      agents: agent.agents(),
      remove: (identity) => Effect.ignore(service.removeParticipant(target.room, identity))
    }).pipe(
      Effect.map((other) => other === undefined ? "alone" : "occupied"),
      Effect.catch(() => Effect.succeed("lost" as const)),
      Effect.raceFirst(agent.ended)
    )
    if (found !== "alone") return found
    onJoined()
    parts.inbox?.registerRpc(agent.room.localParticipant)
    if (options.participants === "mixed") {
      yield* Effect.acquireRelease(
        Effect.sync(() => link.mediaClock.add(() => presence.tick())),
        (stop) => Effect.sync(stop)
      )
    }

    const removeUsers = Effect.suspend(() =>
      Effect.forEach(users(), ({ identity }) => service.removeParticipant(target.room, identity), { discard: true })
    ).pipe(finalizeWithin(REMOVE_DEADLINE), Effect.ignore)

    // Before the agent leaves. Who was sent into the room has come for this session only.
    yield* Effect.addFinalizer(() =>
      Effect.forEach(
        target.userJoined ? served : [],
        ({ identity, sid }) =>
          Effect.ignore(service.setAttributes(target.room, identity, { [RoomName.SERVED_ATTRIBUTE]: sid })),
        {
          concurrency: "unbounded",
          discard: true
        }
      ).pipe(finalizeWithin(REMOVE_DEADLINE))
    )

    const facts = RoomFacts.make(target.room, () => {
      const people = users()
      const [first] = people
      return people.find(({ identity }) => identity === (presence.speaker ?? user)) ?? first
    })
    const attach = (stay: string) =>
      Effect.matchEffect(host.admit(session, {}), {
        onFailure: ({ code, message }) => {
          // LiveKit has admitted them already: they receive the error and are removed
          outbox.send({ type: "error", code, message, seq: 0, atMs: clock.currentTimeMillisUnsafe() })
          return outbox.flushed.pipe(Effect.andThen(Effect.sleep(LAST_MESSAGE_DELAY)), Effect.andThen(removeUsers))
        },
        onSuccess: () => {
          const { connection, inbox } = RoomConnection.make({
            voice: agent.voice,
            outbox,
            facts,
            onEvent: (event) => {
              if (event.type !== "session.ended") return
              takenOver ||= event.reason === "taken_over"
              if (!FINAL.has(event.reason)) return
              served = staysOf(users())
            },
            closed: (reason) => reason === "too_slow" || reason === "rate_limited" ? removeUsers : Effect.void
          })
          wasAttached = true
          presence.attach(inbox, stay)
          return Queue.offerUnsafe(queue, connection) ? Effect.void : connection.close("session_ended")
        }
      })

    /** Who was in the room at last, while the agent was. */
    let present: ReadonlyArray<RemoteParticipant> = []
    const abandoned = yield* Deferred.make<"abandoned">()
    const leaving = yield* FiberHandle.make()
    const isAbandoned = () => {
      const present = agent.participants()
      return target.userJoined &&
        (wasAttached
          ? presence.isAbandoned(present)
          : user !== undefined && !present.some(({ identity }) => identity === user))
    }
    /**
     * Ends the session a little later if the user who joined the room has left before it began, or of their own accord while
     * others wait, who can only then be served.
     */
    const updateLeaving = Effect.suspend(() => {
      return isAbandoned()
        ? FiberHandle.run(
          leaving,
          Effect.andThen(
            Effect.sleep(RELOAD_WINDOW),
            Effect.suspend(() => isAbandoned() ? Deferred.succeed(abandoned, "abandoned") : Effect.void)
          ),
          { onlyIfMissing: true }
        )
        : FiberHandle.clear(leaving)
    })

    // waits for the voices first, so that no word is lost once the session has started
    const updateAttachment = Effect.andThen(
      agent.voicesReceived,
      Effect.suspend(() => {
        changed.closeUnsafe()
        present = agent.participants()
        user = presence.userAmong(present.map(({ identity, sid }) => ({ identity, sid })))
        const stay = presence.expectedStay(users().map(({ identity, sid }) => ({ identity, sid })))
        if (stay === presence.attachedStay) return updateLeaving
        presence.detach("client_closed")
        return stay === undefined ? updateLeaving : Effect.andThen(FiberHandle.clear(leaving), attach(stay))
      })
    )

    const ended: Effect.Effect<ServiceEnd> = Effect.raceFirst(agent.ended, Deferred.await(abandoned))
    return yield* Effect.forever(Effect.andThen(changed.await, updateAttachment)).pipe(
      Effect.raceFirst(ended),
      Effect.tap((end) =>
        Effect.sync(() => {
          // Who has removed the agent wants none: it is over for everybody in the room.
          if (end === "closed") served = staysOf(present)
          presence.detach(endReason[end])
        })
      ),
      Effect.ensuring(Effect.sync(() => presence.detach("server_closed")))
    )
  })

  const serve = Effect.gen(function*() {
    let joined = false
    const once = Effect.scoped(serveOnce(() => {
      joined = true
    }))
    const first = Schedule.exponential(config.retryDelay).pipe(
      Schedule.jittered,
      Schedule.upTo({ times: config.maxRetries })
    )
    while (true) {
      const end = yield* Effect.retry(Effect.suspend(() => joined ? Effect.andThen(ensure, once) : once), {
        schedule: joined ? Schedule.jittered(Schedule.spaced(REJOIN_INTERVAL)) : first,
        while: (error) => error.retryable
      })
      takenOver ||= end === "replaced"
      if (end === "occupied" && !target.userJoined) return yield* Queue.fail(queue, occupied)
      if (end !== "lost") return yield* Queue.end(queue)
      yield* Effect.logWarning("LiveKit connection lost; joining the room again", { session: session.id })
    }
  }).pipe(Effect.catch((error) => Queue.fail(queue, error)))

  if (link.rooms.has(target.room)) return yield* occupied
  yield* Effect.acquireRelease(
    Effect.sync(() => link.rooms.set(target.room, session.id)),
    () =>
      Effect.sync(() => {
        link.rooms.delete(target.room)
        link.sessionEnded({ room: target.room, session: session.id, served: served.map(({ sid }) => sid) })
      })
  )
  yield* ensure
  // finalizers run in reverse order: the room is deleted after the agent has left
  if (target.owned) {
    yield* Effect.addFinalizer(() =>
      takenOver ? Effect.void : service.deleteRoom(target.room).pipe(Effect.ignore, finalizeWithin(REMOVE_DEADLINE))
    )
  }
  yield* Effect.addFinalizer(() => Queue.shutdown(queue))
  yield* Effect.forkScoped(serve)

  const access: SessionAccess = target.userJoined
    ? { connectionUrl: server.publicUrl, protocol: "livekit" }
    : {
      connectionUrl: server.publicUrl,
      protocol: "livekit",
      token: yield* service.userToken({
        room: target.room,
        identity: target.identity ?? session.config.userId,
        ttl: tokenTtl()
      }),
      expiresAt: clock.currentTimeMillisUnsafe() + Duration.toMillis(tokenTtl())
    }
  return { access, attachments: Stream.fromQueue(queue) }
})
