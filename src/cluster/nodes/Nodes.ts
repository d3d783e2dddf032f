/**
 * The nodes of the cluster, as this process last heard of them, and how they are asked.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RpcClient } from "effect/rpc/RpcClient"
import type * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, isBackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import type { ClusterMetrics } from "../../telemetry/ClusterMetrics.ts"
import type { ClusterNode } from "../board/BoardReport.ts"
import type { VoiceNodeRpcs } from "./VoiceNode.ts"

/**
 * The client of a node.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeClient = RpcClient<VoiceNodeRpcs, unknown>

/**
 * Clients of nodes, by the base URL at which other nodes ask them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Clients {
  readonly of: (address: string) => Effect.Effect<NodeClient, never, Scope.Scope>
}

/**
 * So many nodes are asked at once for what all of them have.
 *
 * @category constants
 * @since 0.1.0
 */
export const NODES_AT_ONCE = 16

/** How long a node that did not answer gets no new session, in ms. */
const SUSPECT_MS = 2_000
const RETRY_AFTER_MS = 1_000
/** After so long without an answer of the board nobody knows who is silent, in ms: several reports. */
const BOARD_SILENT_MS = 3_000
/** How often it is looked at whether a node that is being asked has fallen silent. */
const LOOK_EVERY = "250 millis"
const ASK_DEADLINE = "5 seconds"

/**
 * The failure of a question to a node that does not answer.
 *
 * @category errors
 * @since 0.1.0
 */
export const gone = (op: string, cause?: unknown): ConnectionFailed =>
  new ConnectionFailed({
    op,
    message: "the process that has this session does not answer",
    details: { reason: "node_gone", retryAfterMs: RETRY_AFTER_MS },
    ...(cause === undefined ? {} : { cause })
  })

/**
 * Whether a node, or the board, did not answer.
 *
 * @category errors
 * @since 0.1.0
 */
export const isGone = ({ code, details }: BackendError): boolean =>
  code === "connection_failed" && (details?.["reason"] === "node_gone" || details?.["reason"] === "board_gone")

/**
 * Whether a node has no place for a session, where another may have one.
 *
 * @category errors
 * @since 0.1.0
 */
export const isFull = ({ code }: BackendError): boolean => code === "session_limit_exceeded"

/**
 * @category models
 * @since 0.1.0
 */
export interface Nodes {
  /** The owner that this process is. */
  readonly self: string
  readonly all: () => ReadonlyArray<ClusterNode>
  readonly others: () => ReadonlyArray<ClusterNode>
  /** A node that is heard of, by its owner. */
  readonly find: (owner: string) => ClusterNode | undefined
  readonly isSuspect: (owner: string) => boolean
  /** Notes that a node has failed to answer. */
  readonly suspect: (owner: string) => void
  /**
   * Whether it is not sure that a node still runs: it has just failed to answer, or the board that says who is silent has itself not
   * answered for 3 s.
   */
  readonly isDoubtful: (owner: string) => boolean
  /** What the board has answered. */
  readonly heard: (nodes: ReadonlyArray<ClusterNode>) => void
  /** Counts a session more at a node that is asked to create or take up one, until the node reports again. */
  readonly addSession: (owner: string) => void
  /**
   * Asks a node. One that is silent, does not answer within the time limit (5 s by default), or cannot be reached fails
   * `connection_failed` with `details.reason` `"node_gone"`; what the node itself fails with is passed on.
   */
  readonly ask: <A>(
    owner: string,
    op: string,
    call: (client: NodeClient) => Effect.Effect<A, unknown>,
    within?: Duration.Input
  ) => Effect.Effect<A, BackendError>
}

/**
 * Makes them, with none known yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { clients, clock, onRequest, owner: self }: {
    /** This process. */
    readonly owner: string
    readonly clients: Clients
    readonly clock: Clock.Clock
    /** Is called with the outcome of each request, and how long it took. */
    readonly onRequest?: ClusterMetrics["requested"] | undefined
  }
): Nodes => {
  let nodes: ReadonlyArray<ClusterNode> = []
  let heardMs = Number.NEGATIVE_INFINITY
  const suspects = new Map<string, number>()
  const now = () => MonotonicTime.nowMs(clock)
  const suspect = (owner: string) => void suspects.set(owner, now() + SUSPECT_MS)
  const find = (owner: string) => nodes.find((node) => node.owner === owner && !node.silent)

  const ask: Nodes["ask"] = (owner, op, call, within = ASK_DEADLINE) =>
    Effect.suspend(() => {
      const node = find(owner)
      if (node === undefined) return Effect.fail(gone(op))
      const askedMs = now()
      const fallsSilent = Effect.sleep(LOOK_EVERY).pipe(
        Effect.repeat({ while: () => find(owner)?.address === node.address }),
        Effect.andThen(Effect.suspend(() => Effect.fail(gone(op))))
      )
      return Effect.flatMap(clients.of(node.address), call).pipe(
        Effect.scoped,
        Effect.timeoutOrElse({ duration: within, orElse: () => Effect.fail(gone(op)) }),
        Effect.raceFirst(fallsSilent),
        Effect.catchDefect((defect) => Effect.fail(gone(op, defect))),
        Effect.mapError((error): BackendError => isBackendError(error) ? error : gone(op, error)),
        Effect.tap(() => Effect.sync(() => onRequest?.("ok", now() - askedMs))),
        Effect.tapError((error) =>
          Effect.sync(() => {
            const isGone = error.details?.["reason"] === "node_gone"
            if (isGone) suspect(owner)
            onRequest?.(isGone ? "gone" : "error", now() - askedMs)
          })
        )
      )
    })

  const isSuspect = (owner: string) => (suspects.get(owner) ?? Number.NEGATIVE_INFINITY) > now()

  return {
    self,
    all: () => nodes,
    others: () => nodes.filter(({ owner }) => owner !== self),
    find,
    isSuspect,
    suspect,
    isDoubtful: (owner) => isSuspect(owner) || now() - heardMs > BOARD_SILENT_MS,
    heard: (heard) => {
      nodes = heard
      heardMs = now()
      for (const [owner, untilMs] of suspects) if (untilMs <= now()) suspects.delete(owner)
    },
    addSession: (owner) => {
      nodes = nodes.map((node) => node.owner === owner ? { ...node, sessions: node.sessions + 1 } : node)
    },
    ask
  }
}
