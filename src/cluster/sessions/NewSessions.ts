/**
 * Creates sessions, at the node that has least to do.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Backend } from "../../backend/BackendContract.ts"
import { type BackendError, SessionLimitExceeded } from "../../BackendError.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import * as Placement from "../board/Placement.ts"
import type { Reporting } from "../board/Reporting.ts"
import { inTurn } from "../nodes/InTurn.ts"
import { isGone, type Nodes } from "../nodes/Nodes.ts"
import * as SessionView from "./SessionView.ts"

/** How long a node may take beyond the time limit that it has itself for opening a session. */
const EXTRA = Duration.seconds(2)

/** A board whose process has ended is elsewhere after a lease, 5 s by default: a session that needs a place of it waits so long. */
const WHILE_BOARD_MOVES = Schedule.upTo(Schedule.spaced("500 millis"), { duration: "8 seconds" })

const op = "VoiceBackend.createSession"

const full = new SessionLimitExceeded({
  op,
  message: "no process of the cluster accepts new sessions",
  details: { reason: "full", retryAfterMs: 1_000 }
})

/**
 * - `create`: `Backend.createSession` of the cluster.
 * - `open`: makes a session of this id that this node has checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewSessions {
  readonly create: Backend["createSession"]
  readonly open: (id: string, checked: SessionConfig) => Effect.Effect<VoiceSession, BackendError>
}

/**
 * Creates sessions for the cluster. `created` gives a session that another node has just created.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ created, local, nodes, reporting }: {
  readonly local: Pick<Backend, "createSession" | "checkSession" | "openSession" | "config">
  readonly nodes: Nodes
  readonly reporting: Pick<Reporting, "self" | "last">
  readonly created: (view: SessionView.SessionView, owner: string) => VoiceSession
}): NewSessions => {
  const candidates = Effect.map(reporting.self, (self) => Placement.candidates(self, nodes.others(), nodes.isSuspect))

  /** Whether there may be a place, as far as was last heard. */
  const hasRoom = () => {
    const { answer } = reporting.last()
    return answer?.free === undefined || answer.free > 0 ||
      nodes.all().some(({ granted, ready, sessions }) => ready && granted > sessions)
  }

  const createAt = (owner: string, checked: SessionConfig, id: string | undefined, within: Duration.Duration) =>
    owner === nodes.self
      ? local.openSession(checked, id)
      : Effect.suspend(() => {
        // at once, so that those created meanwhile do not all go to the same node
        nodes.addSession(owner)
        return nodes.ask(owner, op, (node) =>
          node.Create({
            config: SessionView.configOf(checked),
            ...(id === undefined ? {} : { id })
          }), within)
      }).pipe(Effect.map((view) => created(view, owner)))

  const place = Effect.fnUntraced(function*(
    checked: SessionConfig,
    id?: string
  ): Effect.fn.Return<VoiceSession, BackendError> {
    const within = Duration.sum((yield* local.config).timeout, EXTRA)
    // asked anew: the hooks may have taken a while. A session that a silent node has made after all, and that nobody connects to, ends
    // by itself; one of this id cannot be made by another
    return yield* Effect.flatMap(
      candidates,
      (owners) => inTurn(owners, (owner) => createAt(owner, checked, id, within), Effect.fail(full))
    ).pipe(Effect.retry({ while: isGone, schedule: WHILE_BOARD_MOVES }))
  })

  return {
    open: (id, checked) => place(checked, id),
    create: Effect.fnUntraced(function*(given): Effect.fn.Return<VoiceSession, BackendError> {
      // an agent that is a program stays with it
      const isBound = typeof given.agent === "object"
      const [first, ...further] = isBound ? [nodes.self] : yield* candidates
      const isAlone = first === nodes.self && further.length === 0
      // a full cluster does not ask the hooks
      if (first === undefined || isAlone || !hasRoom()) return yield* local.createSession(given)
      return yield* place(yield* local.checkSession(given))
    })
  }
}
