/**
 * The one implementation of a backend: sessions, admission, health and drain, over any provider and engines.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Tracer from "effect/Tracer"
import { randomBytes } from "node:crypto"
import { HealthSources } from "../HealthSource.ts"
import * as AudioQuota from "../hooks/AudioQuota.ts"
import { ClientRequests } from "../hooks/ClientRequests.ts"
import * as Observable from "../session/Observable.ts"
import { SessionStore } from "../session/persistence/SessionStore.ts"
import { PlayoutClock } from "../session/playout/PlayoutClock.ts"
import * as BackendMetrics from "../telemetry/BackendMetrics.ts"
import * as AccessControl from "./admission/AccessControl.ts"
import { Admission } from "./admission/Admission.ts"
import * as AnswerGuard from "./admission/AnswerGuard.ts"
import * as LoadLevel from "./admission/LoadLevel.ts"
import type { Backend, ConnectionState } from "./BackendContract.ts"
import * as BackendLifecycle from "./BackendLifecycle.ts"
import type { BackendParts } from "./BackendParts.ts"
import * as CallLimits from "./calls/CallLimits.ts"
import * as Dialling from "./calls/Dialling.ts"
import * as CurrentConfig from "./CurrentConfig.ts"
import * as AgentHealth from "./health/AgentHealth.ts"
import * as Health from "./health/Health.ts"
import { LatencyWindow } from "./health/LatencyWindow.ts"
import * as StoreHealth from "./health/StoreHealth.ts"
import * as MeteredBackend from "./MeteredBackend.ts"
import type { ReservedPlace } from "./provider/ProviderContract.ts"
import * as ApplicationService from "./sessions/ApplicationService.ts"
import { makeSessionLeases } from "./sessions/makeSessionLeases.ts"
import * as Retention from "./sessions/Retention.ts"
import * as SessionOpening from "./sessions/SessionOpening.ts"
import * as SessionPage from "./sessions/SessionPage.ts"
import * as SessionTable from "./sessions/SessionTable.ts"
import * as SharedSecret from "./sessions/SharedSecret.ts"
import * as StartLine from "./StartLine.ts"

/** How often health is checked and audio is counted when nobody asks. */
const MONITOR_EVERY = "10 seconds"

const isDefined = <A>(value: A | undefined): value is A => value !== undefined

/** 256 random bits in hexadecimal. Not from `Random`, whose output can be guessed from its other values. */
const newSecret = Effect.sync(() => randomBytes(32).toString("hex"))

/**
 * Makes a backend in a scope; releasing the scope drains it. The config of its parts has been checked and its options
 * decoded: nothing is decoded again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeBackend = Effect.fnUntraced(function*(given: BackendParts) {
  const healthChanges = yield* Queue.sliding<void>(1)
  const onHealthChange = Queue.offer(healthChanges, undefined)
  const agents = yield* AgentHealth.make(onHealthChange)
  const parts: BackendParts = {
    ...given,
    agent: given.agent === undefined ? undefined : agents.watch(given.agent),
    findAgent: (name) => Effect.map(given.findAgent(name), agents.watch)
  }
  const { provider } = parts
  const current = yield* CurrentConfig.make(parts)
  const config = current.get

  // a scope of its own, so that the drain comes before the sessions and the provider's link are closed
  const scope = yield* Scope.make()
  const clock = yield* Clock.Clock
  const found = yield* Effect.serviceOption(SessionStore)
  const watched = Option.isNone(found)
    ? undefined
    : yield* StoreHealth.make(
      ApplicationService.guard(found.value, "SessionStore", `the session store ${found.value.name}`),
      onHealthChange
    ).pipe(Scope.provide(scope))
  const leases = yield* (watched === undefined
    ? makeSessionLeases
    : Effect.provideService(makeSessionLeases, SessionStore, watched.store)).pipe(Scope.provide(scope))
  const retention = yield* Retention.make(config, Queue.offer(healthChanges, undefined)).pipe(Scope.provide(scope))
  const access = yield* AccessControl.make({
    config,
    limiter: () => lifecycle.link()?.provider.limiter,
    onHealthChange
  })
  const load = new LoadLevel.Load()
  const ownLimit = provider.capabilities.maxConcurrentSessions
  const admission = new Admission(
    () => ownLimit === 0 ? config().maxConcurrentSessions : Math.min(ownLimit, config().maxConcurrentSessions),
    load
  )
  const latency = new LatencyWindow()
  const metrics = yield* BackendMetrics.make({
    provider: provider.name,
    enabled: () => config().enableMetrics,
    engines: parts.engines
  })
  const connection = yield* SubscriptionRef.make<ConnectionState>("disconnected")
  const drained = yield* Deferred.make<void>()
  const requests = Option.getOrUndefined(yield* Effect.serviceOption(ClientRequests))

  const calls = () => lifecycle.link()?.provider.outbound
  const open = SessionOpening.make({
    parts,
    config,
    defaultAgent: current.defaultAgent,
    link: () => lifecycle.link(),
    calls: CallLimits.make({ access, calls }),
    clock,
    tracer: yield* Tracer.Tracer,
    frames: yield* PlayoutClock.make,
    audioQuota: AudioQuota.make(clock),
    leases,
    retention,
    load,
    latency,
    metrics
  })
  const sessions = yield* SessionTable.make({
    admission,
    access,
    leases,
    open,
    scope,
    drained,
    cell: () => config().cluster?.cell
  })

  const lag = yield* LoadLevel.monitor({
    load,
    bounds: () => config().overload,
    engines: () => Object.values(parts.speech ?? {}),
    onSample: (sampled) => {
      metrics.load(sampled)
      // of the process, whatever the cluster allows it now: that follows what is taken
      metrics.places({ taken: admission.taken, max: admission.processMax })
    }
  }).pipe(Scope.provide(scope))
  const health = yield* Health.make({
    provider: provider.name,
    link: () => lifecycle.link()?.provider,
    connectionState: () => SubscriptionRef.getUnsafe(connection),
    engines: parts.engines,
    speech: parts.speech ?? {},
    sources: [watched?.source, leases.health, retention.health, access.health, agents.source, ...yield* HealthSources]
      .filter(
        isDefined
      ),
    changes: healthChanges,
    onStatus: metrics.health,
    admission,
    lag,
    load,
    latency,
    latencyTarget: () => config().latencyTarget,
    clock
  }).pipe(Scope.provide(scope))

  /** Counts the audio of sessions that had no event to count it at. */
  const countAudio = Effect.sync(() => {
    for (const { handle } of sessions.entries()) handle.countAudio()
  })
  const configuredKey = config().session.signingKey
  const tokenSecret = configuredKey === undefined
    ? yield* leases.sharedSecret("session_tokens", yield* newSecret)
    : SharedSecret.own(Redacted.value(configuredKey))
  let anywhere: Parameters<Backend["placeSessions"]>[0] = {
    create: (session) => metrics.operation("createSession")(sessions.create(session)),
    recover: sessions.recover,
    calls: { find: sessions.findStored, open: (id, checked) => sessions.openChecked(checked, id) }
  }
  const dial = Dialling.make({
    connected: () => lifecycle.link() !== undefined,
    calls,
    access,
    places: () => anywhere.calls,
    cell: () => config().cluster?.cell,
    secrets: () => [tokenSecret.current(), ...tokenSecret.former()],
    timeout: () => config().timeout,
    scope
  })
  const measured = (place: ReservedPlace): ReservedPlace => ({
    ...place,
    create: (session, known) => metrics.operation("createSession")(place.create(session, known))
  })
  const lifecycle: BackendLifecycle.BackendLifecycle = yield* BackendLifecycle.make({
    provider,
    host: {
      get signingKey() {
        return Redacted.make(tokenSecret.current())
      },
      formerKeys: () => tokenSecret.former().map((secret) => Redacted.make(secret)),
      admit: access.connect,
      recover: sessions.recover,
      recoverAnywhere: (id) => Effect.suspend(() => anywhere.recover(id)),
      places: () => ({ taken: admission.taken, max: admission.max, refuses: admission.refuses, load: load.rank }),
      reserve: Effect.map(sessions.reserve, measured),
      reserveAs: (id) => Effect.map(sessions.reserveAs(id), measured),
      limits: () => config().session,
      agents: () => ({
        names: parts.agentNames?.() ?? [],
        default: config().agent ?? current.defaultAgent()?.name
      }),
      identify: access.identify,
      answerRequest: requests === undefined ? undefined : (id, type, data) =>
        Effect.gen(function*() {
          const { handle: { session: { config: { tenant, userId } } } } = yield* sessions.find(
            "ClientRequests.answer",
            id
          )
          return yield* AnswerGuard.guard(() => requests.answer({ sessionId: id, userId, tenant, type, data }))
        })
    },
    config,
    admission,
    clock,
    scope,
    entries: sessions.entries,
    handOver: sessions.handOver,
    createSession: (session) => Effect.suspend(() => anywhere.create(session)),
    // a change of health is logged even when nobody asks
    monitor: Effect.andThen(health.monitor, countAudio),
    monitorEvery: MONITOR_EVERY,
    connection,
    drained
  })
  parts.useConfig?.(config)

  const sayWhatWasFound = yield* StartLine.make(parts, {
    config,
    store: watched?.store.name,
    hasArchive: retention.archive !== undefined
  })

  const listed = () => sessions.entries().map((entry) => entry.handle.session)
  const backend: Backend = {
    start: Effect.tap(lifecycle.start, () => sayWhatWasFound),
    stop: lifecycle.stop,
    abort: lifecycle.abort,
    createSession: sessions.create,
    checkSession: sessions.check,
    openSession: sessions.openChecked,
    dial,
    getSession: (id) => Effect.map(sessions.find("VoiceBackend.getSession", id), (entry) => entry.handle.session),
    listSessions: Effect.sync(listed),
    listPage: (page) => Effect.sync(() => SessionPage.of(listed(), page)),
    closeSession: (id) =>
      Effect.flatMap(sessions.find("VoiceBackend.closeSession", id), (entry) => {
        entry.handle.close("closed")
        return Deferred.await(entry.closed)
      }),
    recover: sessions.recover,
    access: (id) => Effect.map(sessions.find("VoiceBackend.access", id), (entry) => entry.access),
    healthCheck: health.check,
    connectionState: Observable.fromRef(connection),
    activeSessionCount: Effect.sync(() => sessions.entries().length),
    config: Effect.sync(config),
    updateConfig: current.update,
    provider: { name: provider.name, capabilities: provider.capabilities },
    engines: parts.engines,
    ready: Effect.sync(() => admission.open),
    places: Effect.sync(() => ({ taken: admission.taken, max: admission.max, processMax: admission.processMax })),
    limitPlaces: (max, askForMore) => admission.limit(max, askForMore),
    placeSessions: (by) => {
      anywhere = by
    },
    loadLevel: Effect.sync(() => load.level),
    store: watched?.store,
    authorize: access.authorize,
    archive: retention.archive,
    get routes() {
      return lifecycle.link()?.provider.routes ?? []
    },
    get clientOrigins() {
      return lifecycle.link()?.provider.clientOrigins
    }
  }
  yield* Effect.addFinalizer(() =>
    Effect.andThen(lifecycle.stop, SessionTable.closeScope(scope, BackendLifecycle.FORCED_CLOSE_DEADLINE))
  )
  return MeteredBackend.backend(metrics, backend)
})
