/**
 * A backend of several processes, from that of each: any of them answers for every session.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Backend, SessionPlace } from "../backend/BackendContract.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { SessionStore } from "../session/persistence/SessionStore.ts"
import * as ClusterMetrics from "../telemetry/ClusterMetrics.ts"
import * as BoardHealth from "./board/BoardHealth.ts"
import { type ClusterNode, REPORT_MS, stateOf } from "./board/BoardReport.ts"
import * as Placement from "./board/Placement.ts"
import * as Reporting from "./board/Reporting.ts"
import * as ClusterArchive from "./ClusterArchive.ts"
import * as Nodes from "./nodes/Nodes.ts"
import * as ClusterSessions from "./sessions/ClusterSessions.ts"
import * as NewSessions from "./sessions/NewSessions.ts"
import * as Recoveries from "./sessions/Recoveries.ts"
import * as SessionAccesses from "./sessions/SessionAccesses.ts"
import * as SessionLists from "./sessions/SessionLists.ts"
import * as SessionPlaces from "./sessions/SessionPlaces.ts"

const JOINED_EVERY = "50 millis"

/**
 * What a clustered backend is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterParts {
  /** The backend of this process. */
  readonly local: Backend
  /** The session store of the cluster, as this process. */
  readonly store: SessionStore["Service"]
  /** Waits until the address is known, that is until the server listens. */
  readonly identity: Effect.Effect<Reporting.NodeIdentity>
  readonly clients: Nodes.Clients
  readonly askBoard: Reporting.AskBoard
  /** Whether the cluster has a maximum of sessions. */
  readonly isLimited: boolean
}

/**
 * Makes the backend of the cluster, for as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { askBoard, clients, identity, isLimited, local, store }: ClusterParts
): Effect.fn.Return<Backend, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const { owner: self } = store
  const known = yield* Effect.forkScoped(identity)
  const ownUrl = () => {
    const exit = known.pollUnsafe()
    return exit?._tag === "Success" ? exit.value.nodeUrl : undefined
  }
  let { enableMetrics } = yield* local.config
  const metrics = yield* ClusterMetrics.make({ provider: local.provider.name, enabled: () => enableMetrics })
  const nodes = Nodes.make({ owner: self, clients, clock, onRequest: metrics.requested })
  const places = SessionPlaces.make({ local, store, nodes, clock })
  const reporting = yield* Reporting.make({
    local,
    identity: Fiber.join(known),
    nodes,
    askBoard,
    isLimited: () => isLimited,
    onAnswer: (answer) =>
      Effect.map(local.config, (config) => {
        enableMetrics = config.enableMetrics
        metrics.cluster(stateOf(answer))
      }),
    clock
  })
  if (isLimited) local.limitPlaces(reporting.limit, reporting.askForMore)
  const sessions = ClusterSessions.make({ local, store, nodes, clients, places, clock })
  const accesses = SessionAccesses.make({ local, nodes, places, ownUrl })

  const newSessions = NewSessions.make({
    local,
    nodes,
    reporting,
    created: (view, owner) => {
      accesses.keep(view, owner)
      return sessions.remote(view, owner)
    }
  })
  local.placeSessions({
    create: newSessions.create,
    calls: {
      open: newSessions.open,
      find: (id) => Effect.catchTag(sessions.get(id), "SessionNotFound", () => Effect.undefined)
    },
    recover: Recoveries.make({
      local,
      nodes,
      places,
      self: reporting.self,
      taken: ({ id }, owner) => places.remember(id, owner)
    })
  })

  const there = ({ address, nodeUrl, owner }: ClusterNode): SessionPlace => ({
    _tag: "There",
    address,
    nodeUrl,
    unanswered: Effect.sync(() => nodes.suspect(owner))
  })

  const locate: NonNullable<Backend["locate"]> = Effect.fnUntraced(function*(id: string) {
    const op = "VoiceBackend.locate"
    const found = yield* places.find(op, id)
    if (found._tag === "Owner") {
      const node = nodes.find(found.owner)
      if (node === undefined) return yield* Nodes.gone(op)
      return there(node)
    }
    if (found._tag === "Nobody" && !(yield* local.ready)) {
      // who connects now is better taken in by a node that stays
      const [elsewhere] = Placement.candidates(yield* reporting.self, nodes.others(), nodes.isSuspect)
      const node = elsewhere === undefined ? undefined : nodes.find(elsewhere)
      if (node !== undefined) return there(node)
    }
    return found
  })

  /** The others hear of this node by the answers to their own next reports. */
  const joined = Effect.sync(() => reporting.last().answer?.nodes.some(({ owner }) => owner === self) === true).pipe(
    Effect.delay(JOINED_EVERY),
    Effect.repeat({ until: (isKnown) => isKnown }),
    Effect.andThen(Effect.sleep(REPORT_MS))
  )

  return {
    ...local,
    get routes() {
      return local.routes
    },
    get clientOrigins() {
      return local.clientOrigins
    },
    createSession: newSessions.create,
    getSession: sessions.get,
    closeSession: sessions.close,
    ...SessionLists.make({ local, nodes, remote: sessions.remote }),
    access: accesses.of,
    locate,
    joined,
    stop: Effect.andThen(
      // admission closes at once, and the others are told so, before the drain is waited for
      Effect.forkChild(Effect.andThen(Effect.sleep("10 millis"), reporting.report)),
      local.stop
    ),
    healthCheck: BoardHealth.withBoard(
      local.healthCheck,
      () => MonotonicTime.nowMs(clock) - reporting.last().answeredMs
    ),
    archive: local.archive === undefined ? undefined : ClusterArchive.make(local.archive, nodes)
  } satisfies Backend
})
