/**
 * What livekit-server loses: a dispatch that no worker could take, and one whose worker has died. It asks for neither again.
 *
 * A room in which somebody waits, that is to have one of our agents and has none, is looked at twice: at the second look the
 * session that was there is taken up from the session store, and without one the dispatch is made anew, for whichever worker
 * has room.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AgentDispatch, ParticipantInfo } from "livekit-server-sdk"
import type { BackendError } from "../../../BackendError.ts"
import * as RoomName from "../room/RoomName.ts"
import type { RoomPeople } from "../room/RoomPeople.ts"
import type { RoomService } from "../room/RoomService.ts"
import * as JobMetadata from "./JobMetadata.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomRepairOptions {
  readonly service: Pick<RoomService, "dispatches" | "renewDispatch">
  readonly people: Pick<RoomPeople, "isAgent" | "waiting" | "present">
  /** The name that a dispatch asks for; empty for automatic dispatch. */
  readonly agentName: string
  /** The rooms of sessions that the application has created have this prefix: nobody is dispatched there. */
  readonly roomPrefix: string
  /** Takes up a session that no process has. */
  readonly recover: (session: string) => Effect.Effect<void, BackendError>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RoomRepair {
  /** Looks at a room of which this process has no session. */
  readonly look: (room: string, people: ReadonlyArray<ParticipantInfo>) => Effect.Effect<void, BackendError>
  /** All rooms were looked at. */
  readonly looked: () => void
}

/** How many dispatches are made anew in one look: when all workers are full, each is lost again. */
const MAX_RENEWED = 32

/** The sessions whose agents have had the jobs of a dispatch. */
const sessionsOf = (dispatch: AgentDispatch): ReadonlyArray<string> =>
  (dispatch.state?.jobs ?? []).flatMap(({ state }) => {
    const session = RoomName.sessionOfAgent(state?.participantIdentity ?? "")
    return session === undefined ? [] : [session]
  })

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { agentName, people, recover, roomPrefix, service }: RoomRepairOptions
): RoomRepair => {
  let former = new Set<string>()
  let left = new Set<string>()
  let renewed = 0

  const repair = Effect.fnUntraced(function*(room: string) {
    const all = yield* service.dispatches(room)
    const dispatch = all.find((each) => each.agentName === agentName)
    if (dispatch === undefined) return
    for (const session of sessionsOf(dispatch)) {
      const outcome = yield* Effect.result(recover(session))
      // not there: it has ended. Any other failure: somebody has it, or nobody can take it now
      if (outcome._tag === "Success" || outcome.failure.code !== "session_not_found") return
    }
    if (JobMetadata.toSession(dispatch.metadata, { room }) === undefined || renewed >= MAX_RENEWED) return
    renewed++
    yield* Effect.annotateLogs(Effect.logInfo("asking LiveKit for an agent again"), { room, dispatch: dispatch.id })
    yield* service.renewDispatch(room, dispatch)
  })

  return {
    look: (room, present) => {
      if (room.startsWith(roomPrefix) || people.waiting(present).length === 0) return Effect.void
      if (people.present(present).some((each) => people.isAgent(each) && isOurs(each))) return Effect.void
      left.add(room)
      return former.has(room) ? repair(room) : Effect.void
    },
    looked: () => {
      former = left
      left = new Set()
      renewed = 0
    }
  }
}

const isOurs = ({ identity }: ParticipantInfo): boolean => RoomName.sessionOfAgent(identity) !== undefined
