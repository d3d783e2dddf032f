/**
 * What livekit-server loses: a dispatch that no worker could take, and one whose worker has died. It asks for neither again.
 *
 * In a room in which somebody waits, that is to have one of our agents and has none, the session that was there is taken up from
 * the session store at once. Without one the dispatch is made anew, for whichever worker has room, but not before it is clear
 * that none is coming: a job that is being given to a worker is not told by LiveKit, and its session is not there yet.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { AgentDispatch, ParticipantInfo } from "livekit-server-sdk"
import type { BackendError } from "../../../BackendError.ts"
import * as MonotonicTime from "../../../MonotonicTime.ts"
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
  /** The sessions of this process by room. */
  readonly rooms: ReadonlyMap<string, string>
  readonly clock: Clock.Clock
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
/**
 * How long, in ms, an agent may take to come: LiveKit waits for a worker's answer for 3 s, and then the session is created. One
 * that was there before is not waited for.
 */
const COMING_MS = 10_000

/** A room at the last look: who waits there since when, in ms, for the agent of which dispatch; or an agent was there. */
type Seen = "attended" | { readonly dispatch: string; readonly sinceMs: number }

/** The sessions whose agents have had the jobs of a dispatch. */
const sessionsOf = (dispatch: AgentDispatch): ReadonlyArray<string> =>
  (dispatch.state?.jobs ?? []).flatMap(({ state }) => {
    const session = RoomName.sessionOfAgent(state?.participantIdentity ?? "")
    return session === undefined ? [] : [session]
  })

const newestOf = (dispatches: ReadonlyArray<AgentDispatch>): AgentDispatch | undefined =>
  dispatches.toSorted((a, b) => Number((b.state?.createdAt ?? 0n) - (a.state?.createdAt ?? 0n)))[0]

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { agentName, clock, people, recover, roomPrefix, rooms, service }: RoomRepairOptions
): RoomRepair => {
  let former = new Map<string, Seen>()
  let seen = new Map<string, Seen>()
  let renewed = 0

  /** Since when the agent of a dispatch is waited for; long since, when one was there before. */
  const sinceOf = (before: Seen | undefined, dispatch: string): number =>
    before === "attended"
      ? Number.NEGATIVE_INFINITY
      : before?.dispatch === dispatch
      ? before.sinceMs
      : MonotonicTime.nowMs(clock)

  const repair = Effect.fnUntraced(function*(room: string) {
    const before = former.get(room)
    const own = (yield* service.dispatches(room)).filter((each) => each.agentName === agentName)
    const dispatch = newestOf(own)
    if (dispatch === undefined) return
    const sinceMs = sinceOf(before, dispatch.id)
    seen.set(room, { dispatch: dispatch.id, sinceMs })
    for (const session of own.flatMap(sessionsOf)) {
      const outcome = yield* Effect.result(recover(session))
      // not there: it has ended, or is to come. Any other failure: somebody has it, or nobody can take it now
      if (outcome._tag === "Success" || outcome.failure.code !== "session_not_found") return
    }
    const isLost = before !== undefined && before !== "attended" && MonotonicTime.nowMs(clock) - sinceMs >= COMING_MS
    if (!isLost || JobMetadata.toSession(dispatch.metadata, { room }) === undefined || renewed >= MAX_RENEWED) return
    renewed++
    yield* Effect.annotateLogs(Effect.logInfo("asking LiveKit for an agent again"), { room, dispatch: dispatch.id })
    const next = yield* service.renewDispatch(room, dispatch)
    seen.set(room, { dispatch: next, sinceMs: MonotonicTime.nowMs(clock) })
  })

  return {
    look: (room, present) =>
      Effect.suspend(() => {
        if (room.startsWith(roomPrefix)) return Effect.void
        if (people.present(present).some((each) => people.isAgent(each) && isOurs(each))) {
          seen.set(room, "attended")
          return Effect.void
        }
        return people.waiting(present).length === 0 ? Effect.void : repair(room)
      }),
    looked: () => {
      for (const room of rooms.keys()) seen.set(room, "attended")
      former = seen
      seen = new Map()
      renewed = 0
    }
  }
}

const isOurs = ({ identity }: ParticipantInfo): boolean => RoomName.sessionOfAgent(identity) !== undefined
