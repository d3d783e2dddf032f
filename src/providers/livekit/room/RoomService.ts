/**
 * LiveKit's server API for rooms, and access tokens.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AgentDispatch, ParticipantInfo, Room } from "livekit-server-sdk"
import type { BackendError } from "../../../BackendError.ts"
import type { LiveKitServer } from "../LiveKitConfig.ts"
import * as LiveKitErrors from "../LiveKitErrors.ts"
import type { LiveKitPackages } from "../LiveKitPackages.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomOptions {
  readonly name: string
  /** How long the room stays if no participant ever joins. */
  readonly emptyTimeout: Duration.Duration
  /** How long the room stays after the last participant has left. */
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
  /** Creates the room unless it exists. */
  readonly ensureRoom: (options: RoomOptions) => Effect.Effect<void, BackendError>
  /** Deletes the room, and disconnects its participants; succeeds if it does not exist. */
  readonly deleteRoom: (room: string) => Effect.Effect<void, BackendError>
  /** Removes a participant; succeeds if they have left. */
  readonly removeParticipant: (room: string, identity: string) => Effect.Effect<void, BackendError>
  /** Sets attributes of a participant, for as long as they stay; succeeds if they have left. */
  readonly setAttributes: (
    room: string,
    identity: string,
    attributes: Readonly<Record<string, string>>
  ) => Effect.Effect<void, BackendError>
  readonly rooms: Effect.Effect<ReadonlyArray<Room>, BackendError>
  readonly participants: (room: string) => Effect.Effect<ReadonlyArray<ParticipantInfo>, BackendError>
  /** The dispatches of a room: which agents are wanted there. */
  readonly dispatches: (room: string) => Effect.Effect<ReadonlyArray<AgentDispatch>, BackendError>
  /** Asks for an agent anew, as the dispatch did, and takes the former one back. Gives the id of the new one. */
  readonly renewDispatch: (room: string, dispatch: AgentDispatch) => Effect.Effect<string, BackendError>
  /** Makes the token with which an agent worker registers. */
  readonly workerToken: Effect.Effect<string>
  /** Checks that the server answers and accepts the key. */
  readonly probe: Effect.Effect<void, BackendError>
  /** Makes a user's token: may subscribe, and publish a microphone and data. */
  readonly userToken: (options: TokenOptions) => Effect.Effect<string>
  /** Makes the agent's token, for a participant of kind agent. */
  readonly agentToken: (
    options: TokenOptions & { readonly name: string; readonly attributes: Readonly<Record<string, string>> }
  ) => Effect.Effect<string>
}

/** It is checked when the worker connects, with a token of its own each time. */
const WORKER_TOKEN_S = 600

/**
 * A room name that does not exist, so that the probe lists no rooms.
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
  // whole seconds, and at least 1, because 0 means no timeout
  const requestTimeout = Math.max(1, Math.ceil(Duration.toSeconds(timeout)))
  const client = new sdk.RoomServiceClient(apiUrl, apiKey, secret, { requestTimeout })
  const dispatcher = new sdk.AgentDispatchClient(apiUrl, apiKey, secret, { requestTimeout })
  const request = <A>(op: string, ask: () => Promise<A>): Effect.Effect<A, BackendError> =>
    Effect.tryPromise({ try: ask, catch: LiveKitErrors.fromRequest(`LiveKitProvider.${op}`, apiUrl) })
  const ignoreMissing = (effect: Effect.Effect<void, BackendError>) =>
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
    deleteRoom: (room) => ignoreMissing(request("deleteRoom", () => client.deleteRoom(room))),
    removeParticipant: (room, identity) =>
      ignoreMissing(request("removeParticipant", () => client.removeParticipant(room, identity))),
    setAttributes: (room, identity, attributes) =>
      ignoreMissing(
        Effect.asVoid(
          request(
            "updateParticipant",
            () => client.updateParticipant(room, identity, { attributes: { ...attributes } })
          )
        )
      ),
    rooms: request("listRooms", () => client.listRooms()),
    participants: (room) => request("listParticipants", () => client.listParticipants(room)),
    dispatches: (room) => request("listDispatch", () => dispatcher.listDispatch(room)),
    renewDispatch: (room, { agentName, deployment, id, metadata, restartPolicy }) =>
      // the new one first: if this fails between the two, somebody is still asked for
      request(
        "createDispatch",
        () => dispatcher.createDispatch(room, agentName, { metadata, deployment, restartPolicy })
      ).pipe(
        Effect.tap(() =>
          ignoreMissing(Effect.asVoid(request("deleteDispatch", () => dispatcher.deleteDispatch(id, room))))
        ),
        Effect.map((next) => next.id)
      ),
    workerToken: Effect.promise(() => {
      const token = new sdk.AccessToken(apiKey, secret, { ttl: WORKER_TOKEN_S })
      token.addGrant({ agent: true })
      return token.toJwt()
    }),
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
