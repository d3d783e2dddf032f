/**
 * Who is in a room, as LiveKit's API lists them: users, agents, and who waits to be served.
 *
 * @since 0.1.0
 */
import type * as Redacted from "effect/Redacted"
import type { ParticipantInfo } from "livekit-server-sdk"
import type { SessionConfig } from "../../../session/SessionConfig.ts"
import type { LiveKitPackages } from "../LiveKitPackages.ts"
import * as RoomName from "./RoomName.ts"

/**
 * The used properties of a participant.
 *
 * @category models
 * @since 0.1.0
 */
export interface Person {
  readonly identity: string
  readonly sid?: string | undefined
  readonly name?: string | undefined
  readonly attributes?: { readonly [name: string]: string } | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomPeople {
  readonly isAgent: (person: ParticipantInfo) => boolean
  /** Neither an agent nor egress, which records. */
  readonly isUser: (person: ParticipantInfo) => boolean
  /** Those who have not left. */
  readonly present: (people: ReadonlyArray<ParticipantInfo>) => ReadonlyArray<ParticipantInfo>
  /** The users whom no session has served in this stay, the first who came first. */
  readonly waiting: (people: ReadonlyArray<ParticipantInfo>) => ReadonlyArray<ParticipantInfo>
}

/**
 * Whether a session has served them, and is over for them until they come into the room again.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isServed = ({ attributes, sid }: Person): boolean =>
  sid !== undefined && attributes?.[RoomName.SERVED_ATTRIBUTE] === sid

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ rtc, sdk }: LiveKitPackages): RoomPeople => {
  // both packages use the same numbers
  const agent = Number(rtc.ParticipantKind.AGENT)
  const egress = Number(rtc.ParticipantKind.EGRESS)
  const disconnected = sdk.ParticipantInfo_State.DISCONNECTED
  const isUser: RoomPeople["isUser"] = ({ kind }) => Number(kind) !== agent && Number(kind) !== egress
  const present: RoomPeople["present"] = (people) => people.filter(({ state }) => state !== disconnected)
  return {
    isUser,
    present,
    isAgent: ({ kind }) => Number(kind) === agent,
    waiting: (people) =>
      present(people).filter((each) => isUser(each) && !isServed(each)).sort((a, b) => Number(a.joinedAt - b.joinedAt))
  }
}

/**
 * The session of somebody who is in a room: it is theirs, there, and says so in its metadata. `token` for the application's
 * hook is an attribute that the application has set.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sessionOf = (
  key: Redacted.Redacted<string>,
  room: string,
  { attributes, identity, name = "" }: Person
): SessionConfig => {
  const token = attributes?.["effect-voice.token"]
  return {
    userId: identity,
    transport: "webrtc",
    connectionUrl: RoomName.seal(key, { room, identity }),
    metadata: { livekit: { room, identity, name } },
    ...(token === undefined ? {} : { token })
  }
}
