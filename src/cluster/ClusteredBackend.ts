/**
 * A backend of several processes, from that of each: any of them answers for every session.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Backend, SessionPage } from "../backend/BackendContract.ts"
import type { HealthPart } from "../backend/health/HealthStatus.ts"
import * as HealthStatus from "../backend/health/HealthStatus.ts"
import type { SessionAccess } from "../backend/provider/ProviderInfo.ts"
import * as SessionPages from "../backend/sessions/SessionPage.ts"
import { type BackendError, InvalidConfig, SessionLimitExceeded, SessionNotFound } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as SessionSnapshot from "../session/persistence/SessionSnapshot.ts"
import type { SessionConfig } from "../session/SessionConfig.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import * as ClusterMetrics from "../telemetry/ClusterMetrics.ts"
import { REPORT_MS, stateOf } from "./board/BoardReport.ts"
import * as Placement from "./board/Placement.ts"
import * as Reporting from "./board/Reporting.ts"
import * as ClusterArchive from "./ClusterArchive.ts"
import * as Nodes from "./nodes/Nodes.ts"
import { MAX_PAGE } from "./nodes/VoiceNode.ts"
import * as DetachedSession from "./sessions/DetachedSession.ts"
import * as Following from "./sessions/Following.ts"
import * as Recoveries from "./sessions/Recoveries.ts"
import * as RemoteSession from "./sessions/RemoteSession.ts"
import * as SessionPlaces from "./sessions/SessionPlaces.ts"
import * as SessionView from "./sessions/SessionView.ts"

/** A board that has not answered for so long, in ms, is told by the health check. */
const BOARD_AWAY_MS = 5_000
/** Nodes that are asked for a list at once. */
const ASKED_AT_ONCE = 16
const JOINED_EVERY = "50 millis"
const LIST_DEADLINE = "3 seconds"
/** The most sessions that `listSessions` gives; `listPage` has no such end. */
const MAX_LISTED = 10_000
/** So many answers of other nodes about how to connect are kept, for the request that asks next. */
const KEPT_ACCESSES = 1_000

/**
 * @category models
 * @since 0.1.0
 */
export interface ClusterParts {
  readonly local: Backend
  /** Waits until the address is known, that is until the server listens. */
  readonly identity: Effect.Effect<Reporting.NodeIdentity>
  readonly clients: Nodes.Clients
  readonly askBoard: Reporting.AskBoard
  /** Whether the cluster has a maximum of sessions. */
  readonly isLimited: boolean
}

const notFound = (op: string, id: string) =>
  new SessionNotFound({ op, message: "no session has this id", details: { session: id.slice(0, 64) } })

/** Where clients reach a node directly, with a path of the node's. */
const absolute = (access: SessionAccess, transport: SessionConfig["transport"], nodeUrl: string | undefined) =>
  nodeUrl === undefined || !access.connectionUrl.startsWith("/") ? access : {
    ...access,
    connectionUrl: (transport === "websocket" ? nodeUrl.replace(/^http/, "ws") : nodeUrl).replace(/\/$/, "") +
      access.connectionUrl
  }

/**
 * Makes the backend of the cluster, for as long as the scope. Fails `invalid_config` where the local one has no session store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { askBoard, clients, identity, isLimited, local }: ClusterParts
): Effect.fn.Return<Backend, BackendError, Scope.Scope> {
  const { store } = local
  if (store === undefined) {
    return yield* new InvalidConfig({
      op: "VoiceCluster.make",
      message: "cluster: processes find each other's sessions in a session store: configure `store`",
      details: { missing: "store" }
    })
  }
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
  const accesses = new Map<string, SessionAccess>()

  const keepAccess = (view: SessionView.SessionView, owner: string) => {
    places.remember(view.id, owner)
    accesses.delete(view.id)
    accesses.set(view.id, absolute(SessionView.accessOf(view), view.config.transport, nodes.find(owner)?.nodeUrl))
    if (accesses.size > KEPT_ACCESSES) { for (const oldest of accesses.keys()) return void accesses.delete(oldest) }
  }

  /** Asks whoever has a session; once more, when it has another owner than was thought. */
  const askOwner = (id: string, believed: string): RemoteSession.SessionNode["ask"] => (op, call, within) =>
    nodes.ask(believed, op, call, within).pipe(
      Effect.catchIf(
        (error) => error.code === "session_not_found" || Nodes.isGone(error),
        (error) =>
          Effect.flatMap(places.find(op, id), (found) =>
            found._tag === "Here"
              ? nodes.ask(self, op, call, within)
              : found._tag === "Owner" && found.owner !== believed
              ? nodes.ask(found.owner, op, call, within)
              : Effect.fail(error))
      )
    )

  const remote = (view: SessionView.SessionView, owner: string): VoiceSession => {
    keepAccess(view, owner)
    const follow = Following.make({ id: view.id, local, nodes, places, clients })
    return RemoteSession.make(view, {
      ask: askOwner(view.id, owner),
      events: follow((session) => session.events, (node, id) => node.Events({ id }), Following.isLastEvent),
      states: follow(
        (session) => session.state.changes,
        (node, id) => node.States({ id }),
        (state) => state === "closed"
      )
    }, clock)
  }

  const detached = Effect.fnUntraced(function*(op: string, id: string) {
    const stored = yield* store.read(id)
    if (stored === undefined) return yield* notFound(op, id)
    return DetachedSession.make(id, yield* SessionSnapshot.decode(stored))
  })

  const getSession = Effect.fnUntraced(function*(id: string) {
    const op = "VoiceBackend.getSession"
    const found = yield* places.find(op, id)
    switch (found._tag) {
      case "Here":
        return yield* local.getSession(id)
      case "Owner":
        return remote(yield* nodes.ask(found.owner, op, (node) => node.View({ id })), found.owner)
      case "Nobody":
        return yield* detached(op, id)
      case "Unknown":
        return yield* notFound(op, id)
    }
  })

  const createAt = (owner: string, checked: SessionConfig, within: Duration.Duration) =>
    owner === self
      ? local.openSession(checked)
      : Effect.suspend(() => {
        // at once, so that those created meanwhile do not all go to the same node
        nodes.addSession(owner)
        return nodes.ask(
          owner,
          "VoiceBackend.createSession",
          (node) => node.Create({ config: SessionView.configOf(checked) }),
          within
        )
      }).pipe(Effect.map((view) => remote(view, owner)))

  /** Whether there may be a place, as far as was last heard. */
  const hasRoom = () => {
    const { answer } = reporting.last()
    return answer?.free === undefined || answer.free > 0 ||
      nodes.all().some(({ granted, ready, sessions }) => ready && granted > sessions)
  }

  const createSession = Effect.fnUntraced(function*(given: SessionConfig) {
    const place = Effect.map(reporting.self, (own) => Placement.candidates(own, nodes.others(), nodes.isSuspect))
    // an agent that is a program stays with it
    const isBound = typeof given.agent === "object"
    const { createSession: make } = local
    const before = isBound ? [self] : yield* place
    // a full cluster does not ask the hooks; one that is alone is no cluster
    if (!hasRoom() || before.length === 0 || (before.length === 1 && before[0] === self)) return yield* make(given)
    const checked = yield* local.checkSession(given)
    const { timeout } = yield* local.config
    let refusal: BackendError | undefined
    for (const owner of yield* place) {
      const made = yield* Effect.result(createAt(owner, checked, Duration.sum(timeout, Duration.seconds(2))))
      if (made._tag === "Success") return made.success
      // who is refused for another reason would be refused elsewhere, too; a session that was made after all, and that nobody
      // connects to, ends by itself
      if (!Nodes.isFull(made.failure) && !Nodes.isGone(made.failure)) return yield* made.failure
      refusal = refusal === undefined || Nodes.isGone(refusal) ? made.failure : refusal
    }
    return yield* refusal ?? new SessionLimitExceeded({
      op: "VoiceBackend.createSession",
      message: "no process of the cluster accepts new sessions",
      details: { reason: "full", retryAfterMs: 1_000 }
    })
  })

  local.placeRecoveries(
    Recoveries.make({ local, nodes, places, self: reporting.self, taken: keepAccess })
  )

  const listPage = Effect.fnUntraced(function*(page: { readonly after?: string | undefined; readonly limit: number }) {
    const limit = Math.max(1, Math.min(MAX_PAGE, page.limit))
    const payload = { limit, ...(page.after === undefined ? {} : { after: page.after }) }
    const own = yield* local.listPage(payload)
    const others = yield* Effect.forEach(
      nodes.others().filter(({ silent }) => !silent),
      ({ owner }) =>
        nodes.ask(owner, "VoiceBackend.listSessions", (node) => node.List(payload), LIST_DEADLINE).pipe(
          Effect.map(({ next, sessions }): SessionPage => ({
            sessions: sessions.map((view) => remote(view, owner)),
            next
          })),
          // a node that does not answer is left out
          Effect.catch(() => Effect.succeed<SessionPage>({ sessions: [] }))
        ),
      { concurrency: ASKED_AT_ONCE }
    )
    const pages = [own, ...others]
    const byId = new Map(pages.flatMap(({ sessions }) => sessions).map((session) => [session.id, session]))
    return SessionPages.of(Array.from(byId.values()), payload, pages.every(({ next }) => next === undefined))
  })

  const listSessions = Effect.gen(function*() {
    const all: Array<VoiceSession> = []
    let after: string | undefined
    do {
      const page: SessionPage = yield* listPage({ after, limit: MAX_PAGE })
      all.push(...page.sessions)
      after = page.next
    } while (after !== undefined && all.length < MAX_LISTED)
    return all
  })

  const closeSession = Effect.fnUntraced(function*(id: string) {
    const op = "VoiceBackend.closeSession"
    const found = yield* places.find(op, id)
    switch (found._tag) {
      case "Here":
        return yield* local.closeSession(id)
      case "Owner":
        return yield* nodes.ask(found.owner, op, (node) => node.Close({ id }))
      case "Nobody":
        yield* local.recover(id)
        return yield* local.closeSession(id)
      case "Unknown":
        return yield* notFound(op, id)
    }
  })

  const access = Effect.fnUntraced(function*(id: string) {
    const op = "VoiceBackend.access"
    const here = yield* Effect.option(local.access(id))
    if (here._tag === "Some") {
      const { config: { transport } } = yield* local.getSession(id)
      return absolute(here.value, transport, ownUrl())
    }
    const kept = accesses.get(id)
    if (kept !== undefined) return kept
    const found = yield* places.find(op, id)
    if (found._tag !== "Owner") return yield* notFound(op, id)
    const view = yield* nodes.ask(found.owner, op, (node) => node.View({ id }))
    keepAccess(view, found.owner)
    return accesses.get(id) ?? SessionView.accessOf(view)
  })

  const locate: NonNullable<Backend["locate"]> = Effect.fnUntraced(function*(id: string) {
    const op = "VoiceBackend.locate"
    const found = yield* places.find(op, id)
    if (found._tag === "Owner") {
      const node = nodes.find(found.owner)
      if (node === undefined) return yield* Nodes.gone(op)
      return { _tag: "There", address: node.address, nodeUrl: node.nodeUrl }
    }
    if (found._tag === "Nobody" && !(yield* local.ready)) {
      // who connects now is better taken in by a node that stays
      const [elsewhere] = Placement.candidates(yield* reporting.self, nodes.others(), nodes.isSuspect)
      const node = elsewhere === undefined ? undefined : nodes.find(elsewhere)
      if (node !== undefined) return { _tag: "There", address: node.address, nodeUrl: node.nodeUrl }
    }
    return found
  })

  /** The others hear of this node by the answers to their own next reports. */
  const joined = Effect.sync(() => reporting.last().answer?.nodes.some(({ owner }) => owner === self) === true).pipe(
    Effect.delay(JOINED_EVERY),
    Effect.repeat({ until: (isKnown) => isKnown }),
    Effect.andThen(Effect.sleep(REPORT_MS))
  )

  const part: Effect.Effect<HealthPart> = Effect.sync(() => {
    const silentMs = MonotonicTime.nowMs(clock) - reporting.last().answeredMs
    return silentMs < BOARD_AWAY_MS
      ? { name: "cluster", status: "healthy" }
      : {
        name: "cluster",
        status: "degraded",
        cause: `the cluster's board has not answered for ${Math.round(silentMs / 1_000)} s`
      }
  })

  return {
    ...local,
    get routes() {
      return local.routes
    },
    get clientOrigins() {
      return local.clientOrigins
    },
    createSession,
    getSession,
    listSessions,
    listPage,
    closeSession,
    access,
    locate,
    joined,
    stop: Effect.andThen(
      // admission closes at once, and the others are told so, before the drain is waited for
      Effect.forkChild(Effect.andThen(Effect.sleep("10 millis"), reporting.report)),
      local.stop
    ),
    healthCheck: Effect.map(Effect.all([local.healthCheck, part]), ([status, cluster]) => {
      if (cluster.status === "healthy" && status.parts.some(({ name }) => name === cluster.name)) return status
      const parts = [...status.parts.filter(({ name }) => name !== cluster.name), cluster]
      return { ...status, parts, status: HealthStatus.worst([{ name: "", status: status.status }, cluster]) }
    }),
    archive: local.archive === undefined ? undefined : ClusterArchive.make(local.archive, nodes)
  } satisfies Backend
})
