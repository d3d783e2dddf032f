/**
 * Where each session of the cluster is: the lease in the session store says who has it.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Backend } from "../../backend/BackendContract.ts"
import { type BackendError, ConnectionFailed, normalize, SessionNotFound } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import { REPORT_MS } from "../board/BoardReport.ts"
import { gone, type Nodes } from "../nodes/Nodes.ts"

const STORE_DEADLINE = "2 seconds"
/** After the store has failed, what is remembered is used at once for so long, in ms. */
const DISTRUST_MS = 1_000
/** So many sessions of other nodes are remembered. */
const REMEMBERED = 10_000
const ASKED_AT_ONCE = 8
/** A process that has joined is heard of by the answer to the next report, or the one after it. */
const HEARD_WITHIN_MS = 2 * REPORT_MS + 200
const LOOK_EVERY_MS = 100

/**
 * A session's owner in the cluster; `undefined`: nobody has it. Unknown ones have none.
 *
 * @category models
 * @since 0.1.0
 */
export type Found =
  | { readonly _tag: "Here" }
  | { readonly _tag: "Owner"; readonly owner: string }
  | { readonly _tag: "Nobody" }
  | { readonly _tag: "Unknown" }

/**
 * The failure for a session that is `Unknown`.
 *
 * @category errors
 * @since 0.1.0
 */
export const notFound = (op: string, id: string): SessionNotFound =>
  new SessionNotFound({ op, message: "no session has this id", details: { session: id.slice(0, 64) } })

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionPlaces {
  /**
   * Fails `connection_failed`: the store does not answer and it is not remembered who has the session, or the node that has it
   * is silent and its lease still runs.
   */
  readonly find: (op: string, id: string) => Effect.Effect<Found, BackendError>
  readonly remember: (id: string, owner: string) => void
  readonly forget: (id: string) => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ clock, local, nodes, store }: {
  readonly local: Pick<Backend, "getSession">
  readonly store: SessionStore["Service"]
  readonly nodes: Nodes
  readonly clock: Clock.Clock
}): SessionPlaces => {
  const owners = new Map<string, string>()
  const now = () => MonotonicTime.nowMs(clock)
  let failedMs = Number.NEGATIVE_INFINITY

  const remember = (id: string, owner: string) => {
    owners.delete(id)
    owners.set(id, owner)
    if (owners.size > REMEMBERED) { for (const oldest of owners.keys()) return void owners.delete(oldest) }
  }
  const remembered = (id: string): Found | undefined => {
    const owner = owners.get(id)
    return owner !== undefined && nodes.find(owner) !== undefined ? { _tag: "Owner", owner } : undefined
  }

  /** Sessions that no store has: only the nodes that have such are asked. */
  const unstored = (op: string, id: string): Effect.Effect<Found> =>
    Effect.forEach(
      nodes.others().filter(({ silent, unstored }) => !silent && unstored > 0),
      ({ owner }) => Effect.option(Effect.as(nodes.ask(owner, op, (node) => node.View({ id })), owner)),
      { concurrency: ASKED_AT_ONCE }
    ).pipe(Effect.map((found) => {
      for (const each of found) if (each._tag === "Some") return { _tag: "Owner", owner: each.value }
      return { _tag: "Unknown" }
    }))

  /** Whether an owner that is not known is heard of now: its process may have joined since the last report. */
  const isHeardOf = (owner: string): Effect.Effect<boolean> =>
    Effect.sync(() => nodes.find(owner) !== undefined).pipe(
      Effect.delay(LOOK_EVERY_MS),
      Effect.repeat({ until: (isKnown) => isKnown, times: HEARD_WITHIN_MS / LOOK_EVERY_MS })
    )

  const located = (op: string, id: string, isPatient = true): Effect.Effect<Found, BackendError> =>
    store.locate(id).pipe(
      deadline(op, "the session store", STORE_DEADLINE, { part: "store" }),
      normalize(op),
      Effect.matchEffect({
        onFailure: (error): Effect.Effect<Found, BackendError> => {
          failedMs = now()
          const known = remembered(id)
          return known !== undefined ? Effect.succeed(known) : Effect.fail(
            new ConnectionFailed({
              op,
              message: "the session store does not answer, so it is not known who has the session",
              details: { part: "store", reason: "store_unreachable", retryAfterMs: 1_000 },
              cause: error
            })
          )
        },
        onSuccess: (at): Effect.Effect<Found, BackendError> => {
          failedMs = Number.NEGATIVE_INFINITY
          if (at === undefined) return unstored(op, id)
          const { live, owner } = at
          // it is being opened or erased here
          if (owner === store.owner) return Effect.succeed({ _tag: live ? "Unknown" : "Nobody" })
          if (owner === undefined) return Effect.succeed({ _tag: "Nobody" })
          // who reports still has its calls, also when a database that was away kept it from renewing its lease; a frozen one does not
          if (nodes.find(owner) !== undefined && (live || !nodes.isDoubtful(owner))) {
            remember(id, owner)
            return Effect.succeed({ _tag: "Owner", owner })
          }
          if (!live) return Effect.succeed({ _tag: "Nobody" })
          return isPatient
            ? Effect.flatMap(isHeardOf(owner), () => located(op, id, false))
            : Effect.fail(gone(op))
        }
      })
    )

  return {
    remember,
    forget: (id) => void owners.delete(id),
    find: (op, id) =>
      local.getSession(id).pipe(
        Effect.as<Found>({ _tag: "Here" }),
        Effect.catch(() =>
          Effect.suspend(() => {
            const known = now() - failedMs < DISTRUST_MS ? remembered(id) : undefined
            return known !== undefined ? Effect.succeed(known) : located(op, id)
          })
        )
      )
  }
}
