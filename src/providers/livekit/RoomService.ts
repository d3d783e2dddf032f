/**
 * The server's API for rooms, and the tokens that let people in.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { ParticipantInfo, Room } from "livekit-server-sdk"
import type { BackendError } from "../../BackendError.ts"
import type { LiveKitServer } from "./LiveKitConfig.ts"
import * as LiveKitErrors from "./LiveKitErrors.ts"
import type { LiveKitPackages } from "./LiveKitPackages.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomOptions {
  readonly name: string
  /** How long it stays without anybody having come. */
  readonly emptyTimeout: Duration.Duration
  /** How long it stays after the last has left. */
  readonly departureTimeout: Duration.Duration
  readonly metadata: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface TokenOptions {
  readonly room: string
  readonly identity: string
  readonly ttl: Duration.Duration
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomService {
  /** Makes the room, or finds it. */
  readonly ensureRoom: (options: RoomOptions) => Effect.Effect<void, BackendError>
  /** Ends the room for everybody; one that is not there is as good. */
  readonly deleteRoom: (room: string) => Effect.Effect<void, BackendError>
  /** Puts somebody out; one who is not there is as good. */
  readonly removeParticipant: (room: string, identity: string) => Effect.Effect<void, BackendError>
  readonly rooms: Effect.Effect<ReadonlyArray<Room>, BackendError>
  readonly participants: (room: string) => Effect.Effect<ReadonlyArray<ParticipantInfo>, BackendError>
  /** Asks for nothing: whether the server answers, and accepts the key. */
  readonly probe: Effect.Effect<void, BackendError>
  /** Lets a user in: to hear, to send their microphone and data. */
  readonly userToken: (options: TokenOptions) => Effect.Effect<string>
  /** Lets the agent in, as a participant of kind agent. */
  readonly agentToken: (
    options: TokenOptions & { readonly name: string; readonly attributes: Readonly<Record<string, string>> }
  ) => Effect.Effect<string>
}

/**
 * A name that no room has: LiveKit's ids begin otherwise, and ours with a prefix that is not empty.
 */
const NO_ROOM = "\u0000"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { sdk }: LiveKitPackages,
  { apiKey, apiSecret, apiUrl }: LiveKitServer,
  timeout: Duration.Duration
): RoomService => {
  const secret = Redacted.value(apiSecret)
  const client = new sdk.RoomServiceClient(apiUrl, apiKey, secret, {
    // whole seconds, and never none: 0 is no deadline
    requestTimeout: Math.max(1, Math.ceil(Duration.toSeconds(timeout)))
  })
  const request = <A>(op: string, ask: () => Promise<A>): Effect.Effect<A, BackendError> =>
    Effect.tryPromise({ try: ask, catch: LiveKitErrors.fromRequest(`LiveKitProvider.${op}`, apiUrl) })
  const unlessGone = (effect: Effect.Effect<void, BackendError>) =>
    Effect.catchTag(effect, "SessionNotFound", () => Effect.void)

  return {
    ensureRoom: ({ departureTimeout, emptyTimeout, metadata, name }) =>
      Effect.asVoid(request("createRoom", () =>
        client.createRoom({
          name,
          metadata,
          emptyTimeout: Math.ceil(Duration.toSeconds(emptyTimeout)),
          departureTimeout: Math.ceil(Duration.toSeconds(departureTimeout))
        }))),
    deleteRoom: (room) => unlessGone(request("deleteRoom", () => client.deleteRoom(room))),
    removeParticipant: (room, identity) =>
      unlessGone(request("removeParticipant", () => client.removeParticipant(room, identity))),
    rooms: request("listRooms", () => client.listRooms()),
    participants: (room) => request("listParticipants", () => client.listParticipants(room)),
    probe: Effect.asVoid(request("probe", () => client.listRooms([NO_ROOM]))),
    userToken: ({ identity, room, ttl }) =>
      Effect.promise(() => {
        const token = new sdk.AccessToken(apiKey, secret, { identity, ttl: Math.ceil(Duration.toSeconds(ttl)) })
        token.addGrant({
          room,
          roomJoin: true,
          canSubscribe: true,
          canPublish: true,
          canPublishSources: [sdk.TrackSource.MICROPHONE],
          canPublishData: true
        })
        return token.toJwt()
      }),
    agentToken: ({ attributes, identity, name, room, ttl }) =>
      Effect.promise(() => {
        const token = new sdk.AccessToken(apiKey, secret, {
          identity,
          name,
          attributes: { ...attributes },
          ttl: Math.ceil(Duration.toSeconds(ttl))
        })
        token.kind = "agent"
        token.addGrant({
          room,
          roomJoin: true,
          agent: true,
          canSubscribe: true,
          canPublish: true,
          canPublishData: true,
          canUpdateOwnMetadata: true
        })
        return token.toJwt()
      })
  }
}
