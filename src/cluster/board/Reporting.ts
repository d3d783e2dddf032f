/**
 * The reports of this process to the board: every half second, at once when a place is needed or the process stops accepting
 * sessions, and one last when it leaves.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { levels } from "../../backend/admission/LoadLevel.ts"
import type { Backend } from "../../backend/BackendContract.ts"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { Nodes } from "../nodes/Nodes.ts"
import { type BoardAnswer, type ClusterNode, type NodeReport, REPORT_MS } from "./BoardReport.ts"
import { PlaceGrant } from "./PlaceGrant.ts"

/** A board that does not answer for so long is moving, or its process has gone. */
const BOARD_DEADLINE = "1500 millis"
const FINAL_DEADLINE = "1 second"
const RETRY_AFTER_MS = 1_000

const ranks = { normal: 0, busy: 1, overloaded: 2 } as const satisfies {
  readonly [Level in typeof levels[number]]: number
}

/**
 * Asks the board, wherever it is; waits while it moves.
 *
 * @category models
 * @since 0.1.0
 */
export type AskBoard = (report: NodeReport) => Effect.Effect<BoardAnswer, unknown>

/**
 * What does not change of this node.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeIdentity = Pick<ClusterNode, "owner" | "address" | "version" | "nodeUrl" | "cell">

/**
 * @category models
 * @since 0.1.0
 */
export interface Reporting {
  /** This node, as it is now. */
  readonly self: Effect.Effect<Omit<ClusterNode, "address" | "nodeUrl" | "version" | "cell">>
  /** How many new sessions there may be. */
  readonly limit: () => number
  /** Asks the board for a place. Fails `connection_failed` when it does not answer. */
  readonly askForMore: Effect.Effect<void, BackendError>
  /** Reports now. */
  readonly report: Effect.Effect<void>
  /** The last answer, and since when there is none, in ms of the monotonic clock. */
  readonly last: () => { readonly answer: BoardAnswer | undefined; readonly answeredMs: number }
}

/**
 * Begins to report, for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*({ askBoard, clock, identity, isLimited, local, nodes, onAnswer }: {
  readonly local: Pick<Backend, "places" | "ready" | "loadLevel" | "listSessions">
  /** Waits until the address is known, that is until the server listens. */
  readonly identity: Effect.Effect<NodeIdentity>
  readonly nodes: Nodes
  readonly askBoard: AskBoard
  /** Whether the cluster has a maximum. */
  readonly isLimited: () => boolean
  /** Is told each answer of the board. */
  readonly onAnswer?: ((answer: BoardAnswer) => Effect.Effect<void>) | undefined
  readonly clock: Clock.Clock
}): Effect.fn.Return<Reporting, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const now = () => MonotonicTime.nowMs(clock)
  const grant = new PlaceGrant(isLimited)
  const inTurn = yield* Semaphore.make(1)
  let answer: BoardAnswer | undefined
  let answeredMs = now()
  let waiting = 0
  let next: Deferred.Deferred<void, BackendError> | undefined
  let left = false

  const self = Effect.gen(function*() {
    const { processMax, taken } = yield* local.places
    const sessions = yield* local.listSessions
    const limit = grant.limit(now())
    return {
      owner: nodes.self,
      sessions: taken,
      // an agent that is no name cannot be restored elsewhere, and its session is not stored
      unstored: sessions.filter(({ config }) => typeof config.agent === "object").length,
      granted: Number.isFinite(limit) ? limit : processMax,
      max: processMax,
      ready: !left && (yield* local.ready),
      loadLevel: ranks[yield* local.loadLevel],
      silent: false
    }
  })

  const ask = Effect.gen(function*() {
    const who = yield* identity
    const { silent: _, ...node } = yield* self
    const sentMs = now()
    const { max, ready, sessions: taken } = node
    const places = grant.ask({ nowMs: sentMs, taken, waiting, max, ready })
    const got = yield* askBoard({
      ...who,
      ...node,
      ...places,
      leaving: left,
      ...(answer === undefined || !answer.settled ? { known: answer?.nodes ?? [] } : {})
    })
    grant.answered(got, sentMs)
    answer = got
    answeredMs = now()
    nodes.heard(got.nodes)
    if (onAnswer !== undefined) yield* onAnswer(got)
  }).pipe(
    Effect.timeoutOrElse({ duration: BOARD_DEADLINE, orElse: () => Effect.fail("no answer") }),
    // whatever is wrong with the board: it is told by the health check, once it lasts
    Effect.catchCause(() =>
      Effect.fail(
        new ConnectionFailed({
          op: "VoiceBackend.createSession",
          message: "the cluster does not answer whether there are free places",
          details: { reason: "board_gone", retryAfterMs: RETRY_AFTER_MS }
        })
      )
    )
  )

  const report = Effect.ignore(inTurn.withPermits(1)(ask))

  yield* report.pipe(Effect.repeat(Schedule.spaced(REPORT_MS)), Effect.forkScoped)
  yield* Effect.addFinalizer(() => {
    left = true
    return finalizeWithin(FINAL_DEADLINE)(report)
  })

  return {
    self,
    limit: () => grant.limit(now()),
    report,
    last: () => ({ answer, answeredMs }),
    // one question for all who wait: those who come while it is asked are part of the next
    askForMore: Effect.suspend(() => {
      waiting++
      const joined = next
      const answered = joined ?? Deferred.makeUnsafe<void, BackendError>()
      next = answered
      const asked = inTurn.withPermits(1)(Effect.suspend(() => {
        next = undefined
        return Effect.flatMap(Effect.exit(ask), (exit) => Deferred.done(answered, exit))
      }))
      return (joined === undefined ? Effect.asVoid(Effect.forkIn(asked, scope)) : Effect.void).pipe(
        Effect.andThen(Deferred.await(answered)),
        Effect.ensuring(Effect.sync(() => waiting--))
      )
    })
  }
})
