/**
 * The one implementation of a backend: sessions, admission, health and drain, over whatever provider and engines.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Tracer from "effect/Tracer"
import { randomBytes } from "node:crypto"
import { type BackendError, SessionNotFound } from "../BackendError.ts"
import { finalizeWithin } from "../Deadline.ts"
import * as AudioQuota from "../hooks/AudioQuota.ts"
import * as Observable from "../session/Observable.ts"
import { SessionStore } from "../session/persistence/SessionStore.ts"
import { PlayoutClock } from "../session/playout/PlayoutClock.ts"
import type { SessionConfig } from "../session/SessionConfig.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import * as BackendMetrics from "../telemetry/BackendMetrics.ts"
import * as AccessControl from "./admission/AccessControl.ts"
import { Admission, drainingError } from "./admission/Admission.ts"
import * as LoadLevel from "./admission/LoadLevel.ts"
import type { Backend, ConnectionState, DrainReport } from "./BackendContract.ts"
import type { BackendParts } from "./BackendParts.ts"
import * as BackendConfig from "./config/BackendConfig.ts"
import * as LiveUpdate from "./config/LiveUpdate.ts"
import * as Health from "./health/Health.ts"
import { LatencyWindow } from "./health/LatencyWindow.ts"
import * as MeteredBackend from "./MeteredBackend.ts"
import type { ProviderHost } from "./provider/ProviderContract.ts"
import * as ProviderLink from "./provider/ProviderLink.ts"
import * as Retention from "./sessions/Retention.ts"
import * as SessionLeases from "./sessions/SessionLeases.ts"
import * as SessionOpening from "./sessions/SessionOpening.ts"
import type { SessionEntry } from "./sessions/SessionOpening.ts"

/** How many sessions that users start are made at once. */
const MAX_INCOMING = 16

/** How often the parts are looked at when nobody asks. */
const HEALTH_EVERY = "10 seconds"

/** What every close of a single session is bounded by, so that nothing in a close path can hang. */
const CLOSE_DEADLINE = "5 seconds"
/** The same past the deadline of a drain, where there is no time left: for the sessions that are cut, and for the rest. */
const CUT_DEADLINE = "3 seconds"

const newId = Effect.map(
  Effect.all([Random.nextIntBetween(0, 36 ** 8), Random.nextIntBetween(0, 36 ** 8)]),
  (parts) => `ses_${parts.map((part) => part.toString(36).padStart(8, "0")).join("")}`
)

/** 256 random bits in hexadecimal. Not of `Random`, which can be guessed from what else it made. */
const newSecret = Effect.sync(() => randomBytes(32).toString("hex"))

/**
 * Makes a backend in a scope; releasing the scope drains it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeBackend = Effect.fnUntraced(function*(parts: BackendParts) {
  const { provider } = parts
  let config = parts.config
  /** Who answers when a session names nobody. */
  let defaultAgent = parts.agent
  // of its own, so that the drain comes before the sessions and the link are closed
  const scope = yield* Scope.make()
  const clock = yield* Clock.Clock
  const tracer = yield* Tracer.Tracer
  const frames = yield* PlayoutClock.make
  const gate = yield* AccessControl.make({ config: () => config, limiter: () => link?.provider.limiter })
  const allowance = AudioQuota.make(clock)
  const keeper = yield* Scope.provide(SessionLeases.make, scope)
  const retainer = yield* Scope.provide(Retention.make(() => config), scope)
  const own = provider.capabilities.maxConcurrentSessions
  const load = new LoadLevel.Load()
  const admission = new Admission(
    () => own === 0 ? config.maxConcurrentSessions : Math.min(own, config.maxConcurrentSessions),
    load
  )
  const latency = new LatencyWindow()
  const metrics = yield* BackendMetrics.make({
    provider: provider.name,
    enabled: () => config.enableMetrics,
    engines: parts.engines
  })
  const sessions = new Map<string, SessionEntry>()
  const connection = yield* SubscriptionRef.make<ConnectionState>("disconnected")
  const cut = yield* Deferred.make<void>()
  const lifecycle = yield* Semaphore.make(1)
  /** One update at a time: what is compared must be what is replaced. */
  const updating = yield* Semaphore.make(1)
  const watchers = yield* FiberSet.make()
  /** Completes when somebody wants a stop. */
  const halt = yield* Deferred.make<void>()
  /** Completes when the drain is over: whatever is still being made comes too late. */
  const drained = yield* Deferred.make<void>()
  let link: ProviderLink.ProviderLink | undefined
  let report: DrainReport | undefined
  let stopping: Fiber.Fiber<DrainReport> | undefined

  const host: ProviderHost = {
    signingKey: config.session.signingKey ??
      Redacted.make(yield* keeper.sharedSecret("session_tokens", yield* newSecret)),
    admit: gate.connect,
    recover: (id) => Effect.asVoid(recover(id)),
    limits: () => config.session
  }

  // ---- lifecycle ----------------------------------------------------------------------------------------------------

  /** What the provider says of its line; nothing, once the backend stops. */
  const setConnection = (state: ConnectionState) =>
    Effect.suspend(() =>
      admission.phase === "running" && state !== SubscriptionRef.getUnsafe(connection)
        ? Effect.andThen(
          SubscriptionRef.set(connection, state),
          Effect.annotateLogs(
            state === "connected"
              ? Effect.logInfo(`provider ${provider.name} is connected again`)
              : Effect.logWarning(`provider ${provider.name}: ${state}`),
            { connection: state }
          )
        )
        : Effect.void
    )

  const connect = Effect.gen(function*() {
    if (admission.phase === "running") return
    if (admission.phase === "stopped") return yield* ProviderLink.stoppedError("stopped")
    admission.phase = "starting"
    yield* SubscriptionRef.set(connection, "connecting")
    const linked = yield* ProviderLink.connect({ provider, config, host, parent: scope, stopRequested: halt }).pipe(
      Effect.onExit((exit) => {
        if (Exit.isSuccess(exit)) return Effect.void
        admission.phase = "new"
        const wanted = Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) && !Deferred.isDoneUnsafe(halt)
        return SubscriptionRef.set(connection, wanted ? "error" : "disconnected")
      })
    )
    link = linked
    const { incoming, states } = linked.provider
    if (incoming !== undefined) {
      yield* incoming.pipe(
        Stream.mapEffect((next) =>
          createSession(next).pipe(
            metrics.operation("createSession"),
            Effect.catch(({ code, message }) => Effect.logWarning("an incoming session was refused", { code, message }))
          ), { concurrency: MAX_INCOMING, unordered: true }),
        Stream.runDrain,
        Effect.catch((error) => Effect.logWarning("no more incoming sessions", error.message)),
        Effect.forkIn(linked.scope)
      )
    }
    admission.phase = "running"
    yield* SubscriptionRef.set(connection, "connected")
    if (states !== undefined) {
      yield* states.pipe(
        Stream.runForEach(setConnection),
        Effect.catchCause(() => setConnection("error")),
        Effect.forkIn(linked.scope)
      )
    }
    // what changes is logged, also when nobody asks
    yield* Effect.andThen(health, flush).pipe(Effect.repeat(Schedule.spaced(HEALTH_EVERY)), Effect.forkIn(linked.scope))
  })

  const start: Effect.Effect<void, BackendError> = Effect.suspend(() =>
    Deferred.isDoneUnsafe(halt)
      ? Effect.fail(ProviderLink.stoppedError(report === undefined ? "draining" : "stopped"))
      : lifecycle.withPermits(1)(connect)
  )

  /** Counts the audio of sessions in which nothing happens. */
  const flush = Effect.sync(() => {
    for (const { handle } of sessions.values()) handle.countAudio()
  })

  const awaitGone = (entries: ReadonlyArray<SessionEntry>) =>
    Effect.forEach(entries, (entry) => Deferred.await(entry.gone), { concurrency: "unbounded", discard: true })

  const drain = Effect.gen(function*() {
    const startedAt = clock.currentTimeMillisUnsafe()
    const entries = Array.from(sessions.values())
    if (config.drain.mode === "turn") { for (const { handle } of entries) handle.drain("drained") }
    yield* awaitGone(entries).pipe(
      Effect.raceFirst(Deferred.await(cut)),
      Effect.timeoutOption(config.drain.deadline)
    )
    const left = Array.from(sessions.values())
    for (const { handle } of left) handle.close("drain_deadline")
    yield* awaitGone(left).pipe(Effect.timeoutOption(CUT_DEADLINE))
    return {
      completed: Math.max(0, entries.length - left.length),
      interrupted: left.length,
      durationMs: clock.currentTimeMillisUnsafe() - startedAt
    }
  })

  const tell = (result: DrainReport) =>
    Effect.annotateLogs(
      result.interrupted > 0
        ? Effect.logWarning("drained, and cut what was late")
        : result.completed > 0
        ? Effect.logInfo("drained")
        // there was nothing to drain
        : Effect.logDebug("drained"),
      { ...result }
    )

  const drainOnce = lifecycle.withPermits(1)(Effect.gen(function*() {
    if (report !== undefined) return report
    // it may have been starting when it was asked to stop
    if (admission.phase === "running") admission.phase = "draining"
    const result = yield* drain
    report = result
    admission.phase = "stopped"
    yield* Deferred.succeed(drained, undefined)
    yield* tell(result)
    if (link !== undefined) {
      yield* closeScope(link.scope, CUT_DEADLINE)
      link = undefined
    }
    yield* SubscriptionRef.set(connection, "disconnected")
    return result
  }))

  const stop: Effect.Effect<DrainReport> = Effect.suspend(() => {
    // admission closes before the lock is waited for
    if (admission.phase === "running") admission.phase = "draining"
    Deferred.doneUnsafe(halt, Effect.void)
    if (stopping !== undefined) return Fiber.join(stopping)
    // nobody's: whoever asked may go away while it drains
    return Effect.flatMap(Effect.forkIn(drainOnce, scope, { startImmediately: true }), (fiber) => {
      stopping ??= fiber
      return Fiber.join(fiber)
    })
  })

  // ---- sessions -----------------------------------------------------------------------------------------------------

  const open = SessionOpening.make({
    parts,
    config: () => config,
    defaultAgent: () => defaultAgent,
    link: () => link,
    clock,
    tracer,
    frames,
    audioQuota: allowance,
    leases: keeper,
    retention: retainer,
    load,
    latency,
    metrics
  })

  /** Closes in a fiber of its own: a finalizer that hangs keeps nobody waiting. */
  const closeScope = (which: Scope.Closeable, within: Duration.Input = CLOSE_DEADLINE) =>
    finalizeWithin(within)(Scope.close(which, Exit.void))

  /** Takes the session away when it has ended, within a deadline, whatever hangs. */
  const watch = (entry: SessionEntry) =>
    entry.handle.session.ended.pipe(
      Effect.andThen((reason) =>
        Effect.sync(() => {
          sessions.delete(entry.handle.session.id)
          entry.watch.ended(reason)
        })
      ),
      Effect.andThen(closeScope(entry.scope)),
      Effect.andThen(keeper.end(entry.handle.session.id)),
      Effect.ensuring(Effect.suspend(() => {
        admission.leave()
        entry.watch.closed()
        return Deferred.succeed(entry.gone, undefined)
      }))
    )

  /** Takes a slot and lets a session live in it; what cannot be made leaves nothing behind. */
  const admit = (make: (scope: Scope.Closeable) => Effect.Effect<SessionEntry, BackendError>, again = false) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        yield* again ? admission.enterResumed : admission.enter
        const sessionScope = yield* Scope.fork(scope)
        const entry = yield* restore(
          make(sessionScope).pipe(
            ProviderLink.raceInterruptible(scope),
            Effect.raceFirst(
              Effect.andThen(Deferred.await(drained), Effect.suspend(() => Effect.fail(drainingError())))
            )
          )
        ).pipe(
          Effect.onError(() => Effect.ensuring(closeScope(sessionScope), Effect.sync(() => admission.leave())))
        )
        sessions.set(entry.handle.session.id, entry)
        entry.watch.opened()
        yield* FiberSet.run(watchers, watch(entry))
        // it may have begun to drain meanwhile
        if (!admission.open) entry.handle.drain("drained")
        return entry.handle.session
      })
    )

  const createSession = Effect.fnUntraced(function*(
    session: SessionConfig
  ): Effect.fn.Return<VoiceSession, BackendError> {
    // whoever may not come in takes no slot, however slow the hooks are; and nobody asks them for nothing
    yield* admission.check
    const admitted = yield* gate.create(session)
    const id = yield* newId
    return yield* admit((sessionScope) =>
      open({ id, config: admitted }, sessionScope).pipe(Effect.onError(() => keeper.end(id)))
    )
  })

  const recover = (id: string): Effect.Effect<void, BackendError> =>
    sessions.has(id) ? Effect.void : admit((sessionScope) =>
      Effect.gen(function*() {
        const past = yield* keeper.claim(id)
        return yield* open({ id, config: past.config, restored: past }, sessionScope)
      }).pipe(
        // what nobody can read or take up goes the way of what nobody came back for
        Effect.onError(() => keeper.release(id))
      ), true)

  const find = (op: string, id: string) =>
    Effect.suspend(() => {
      const entry = sessions.get(id)
      return entry !== undefined ? Effect.succeed(entry) : Effect.fail(
        new SessionNotFound({ op, message: "no session has this id", details: { session: id.slice(0, 64) } })
      )
    })

  // ---- health -------------------------------------------------------------------------------------------------------

  const lag = yield* LoadLevel.monitor({
    load,
    bounds: () => config.overload,
    engines: () => Object.values(parts.speech ?? {}),
    onLook: metrics.load
  }).pipe(Scope.provide(scope))
  const health = yield* Health.make({
    provider: provider.name,
    link: () => link?.provider,
    connectionState: () => SubscriptionRef.getUnsafe(connection),
    engines: parts.engines,
    speech: parts.speech ?? {},
    store: Option.getOrUndefined(yield* Effect.serviceOption(SessionStore)),
    admission,
    lag,
    load,
    latency,
    latencyTarget: () => config.latencyTarget,
    now: () => clock.currentTimeMillisUnsafe()
  }).pipe(Scope.provide(scope))

  parts.useConfig?.(() => config)

  const backend: Backend = {
    start,
    stop,
    abort: Effect.asVoid(Deferred.succeed(cut, undefined)),
    createSession,
    getSession: (id) => Effect.map(find("VoiceBackend.getSession", id), (entry) => entry.handle.session),
    listSessions: Effect.sync(() => Array.from(sessions.values(), (entry) => entry.handle.session)),
    closeSession: (id) =>
      Effect.flatMap(find("VoiceBackend.closeSession", id), (entry) => {
        entry.handle.close("closed")
        return Deferred.await(entry.gone)
      }),
    access: (id) => Effect.map(find("VoiceBackend.access", id), (entry) => entry.access),
    healthCheck: health,
    connectionState: Observable.fromRef(connection),
    activeSessionCount: Effect.sync(() => sessions.size),
    config: Effect.sync(() => config),
    updateConfig: (next) =>
      updating.withPermits(1)(Effect.gen(function*() {
        const checked = yield* BackendConfig.check(next)
        yield* LiveUpdate.checkUpdate(config, checked)
        const { agent } = checked
        if (agent !== config.agent) {
          defaultAgent = agent === undefined ? parts.agent : yield* parts.findAgent(agent)
        }
        config = checked
      })),
    provider: { name: provider.name, capabilities: provider.capabilities },
    engines: parts.engines,
    ready: Effect.sync(() => admission.open),
    authorize: gate.authorize,
    archive: retainer.archive,
    get routes() {
      return link?.provider.routes ?? []
    },
    get clientOrigins() {
      return link?.provider.clientOrigins
    }
  }
  yield* Effect.addFinalizer(() => Effect.andThen(stop, closeScope(scope, CUT_DEADLINE)))
  return MeteredBackend.backend(metrics, backend)
})
