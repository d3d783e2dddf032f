/**
 * What LiveKit knows of a call, for the agent and its tools.
 *
 * @since 0.1.0
 */
import type { Person } from "./RoomPeople.ts"

/**
 * The facts of a call in a room.
 *
 * - `room`: the room's name.
 * - `participant`: the session's user; of several people the one who holds the floor, else who came first. Absent until somebody
 *   is known. `attributes` are LiveKit's: those of a telephone call have the caller's number (`sip.phoneNumber`). Everyone in the
 *   room can read them; the participant can write them where their token allows it. Our own (`effect-voice.…`) are left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoomFacts {
  readonly [name: string]: unknown
  readonly room: string
  readonly participant?:
    | Required<Pick<Person, "identity" | "name">> & { readonly attributes: { readonly [name: string]: string } }
    | undefined
}

/** One of them may be a credential for the application's hook. */
const OWN = "effect-voice."

const factsOf = (room: string, { attributes = {}, identity, name = "" }: Person): RoomFacts => ({
  room,
  participant: {
    identity,
    name,
    attributes: Object.fromEntries(Object.entries(attributes).filter(([key]) => !key.startsWith(OWN)))
  }
})

/**
 * Makes a function that gives the facts now. Whoever has left is still known by what was last known of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (room: string, person: () => Person | undefined): () => RoomFacts => {
  let facts: RoomFacts = { room }
  return () => {
    const present = person()
    if (present !== undefined) facts = factsOf(room, present)
    return facts
  }
}
