/**
 * The life of a backend: it connects its provider, runs, drains its sessions and stops.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { BackendError } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import type { SessionConfig } from "../session/SessionConfig.ts"
import * as ThrownValue from "../ThrownValue.ts"
import type { Admission } from "./admission/Admission.ts"
import type { Backend, ConnectionState, DrainReport } from "./BackendContract.ts"
import type { BackendConfig } from "./config/BackendConfig.ts"
import type { ConfiguredProvider, ProviderHost } from "./provider/ProviderContract.ts"
import * as ProviderLink from "./provider/ProviderLink.ts"
import type { SessionEntry } from "./sessions/SessionOpening.ts"
import { closeScope } from "./sessions/SessionTable.ts"

/** How many sessions that users start are created at once. */
const MAX_INCOMING = 16

/**
 * The deadline past that of a drain, when no time is left: for the sessions that are interrupted, and for the rest.
 *
 * @category constants
 * @since 0.1.0
 */
export const FORCED_CLOSE_DEADLINE = "3 seconds"

/**
 * @category models
 * @since 0.1.0
 */
export interface LifecycleOptions {
  readonly provider: ConfiguredProvider
  readonly host: ProviderHost
  readonly config: () => BackendConfig
  readonly admission: Admission
  readonly clock: Clock.Clock
  /** The provider's connection and the drain live in it. */
  readonly scope: Scope.Scope
  readonly entries: () => ReadonlyArray<SessionEntry>
  /** Creates a session that a user has started. */
  readonly createSession: (config: SessionConfig) => Effect.Effect<unknown, BackendError>
  /** Repeated while the backend is connected. */
  readonly monitor: Effect.Effect<unknown>
  readonly monitorEvery: string & Parameters<typeof Schedule.spaced>[0]
  readonly connection: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** Leaves a session, which is stored, to another process. */
  readonly handOver: (entry: SessionEntry) => Effect.Effect<void, BackendError>
  /** Completed when the drain is over. */
  readonly drained: Deferred.Deferred<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface BackendLifecycle extends Pick<Backend, "start" | "abort"> {
  readonly stop: Effect.Effect<DrainReport>
  /** While the provider is connected. */
  readonly link: () => ProviderLink.ProviderLink | undefined
}

const logReport = (report: DrainReport) =>
  Effect.annotateLogs(
    report.interrupted > 0
      ? Effect.logWarning("drain timed out; remaining sessions were closed")
      : report.completed > 0
      ? Effect.logInfo("drained")
      // no session was active
      : Effect.logDebug("drained"),
    { ...report }
  )

/** How much of the deadline an answer in flight may take before its session is handed over: the rest is for the store. */
const SILENCE_SHARE = 0.8

/** Waits until the agent says nothing, and nobody waits for it. */
const silence = ({ handle: { session } }: SessionEntry) =>
  session.state.changes.pipe(
    Stream.filter((state) => state !== "speaking" && state !== "processing"),
    Stream.runHead
  )

const awaitClosed = (entries: ReadonlyArray<SessionEntry>) =>
  Effect.forEach(entries, (entry) => Deferred.await(entry.closed), { concurrency: "unbounded", discard: true })

/**
 * Makes the lifecycle of a backend that is not started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: LifecycleOptions): Effect.fn.Return<BackendLifecycle> {
  const { admission, clock, connection, createSession, drained, entries, host, provider, scope } = options
  const transitions = yield* Semaphore.make(1)
  const forced = yield* Deferred.make<void>()
  const stopRequested = yield* Deferred.make<void>()
  const state: {
    link: ProviderLink.ProviderLink | undefined
    report: DrainReport | undefined
    stopping: Fiber.Fiber<DrainReport> | undefined
  } = { link: undefined, report: undefined, stopping: undefined }

  /** Follows the state that the provider reports, until the backend stops. */
  const setConnection = (next: ConnectionState) =>
    Effect.suspend(() =>
      admission.phase === "running" && next !== SubscriptionRef.getUnsafe(connection)
        ? Effect.andThen(
          SubscriptionRef.set(connection, next),
          Effect.annotateLogs(
            next === "connected"
              ? Effect.logInfo(`provider ${provider.name} is connected again`)
              : Effect.logWarning(`provider ${provider.name}: ${next}`),
            { connection: next }
          )
        )
        : Effect.void
    )

  const connect = Effect.gen(function*() {
    if (admission.phase === "running") return
    if (admission.phase === "stopped") return yield* ProviderLink.stoppedError("stopped")
    admission.phase = "starting"
    yield* SubscriptionRef.set(connection, "connecting")
    const config = options.config()
    const linked = yield* ProviderLink.connect({ provider, config, host, parent: scope, stopRequested }).pipe(
      Effect.onExit((exit) => {
        if (Exit.isSuccess(exit)) return Effect.void
        admission.phase = "new"
        const isError = Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) &&
          !Deferred.isDoneUnsafe(stopRequested)
        return SubscriptionRef.set(connection, isError ? "error" : "disconnected")
      })
    )
    state.link = linked
    const { incoming, states } = linked.provider
    if (incoming !== undefined) {
      yield* incoming.pipe(
        Stream.mapEffect((next) =>
          createSession(next).pipe(
            Effect.catch((error) =>
              Effect.logWarning("incoming session refused", { code: error.code, message: ThrownValue.textOf(error) })
            )
          ), { concurrency: MAX_INCOMING, unordered: true }),
        Stream.runDrain,
        Effect.catch((error) =>
          Effect.logWarning("provider stopped delivering incoming sessions", ThrownValue.textOf(error))
        ),
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
    yield* options.monitor.pipe(
      Effect.repeat(Schedule.spaced(options.monitorEvery)),
      Effect.forkIn(linked.scope)
    )
  })

  const drain = Effect.gen(function*() {
    const startedAt = MonotonicTime.nowMs(clock)
    const { deadline, mode } = options.config().drain
    const active = entries()
    const drainAlone = ({ handle }: SessionEntry): void => {
      // a user who has never connected has no conversation to be waited for
      if (mode !== "conversation" || !handle.hasConnected()) handle.drain("drained")
    }
    const leave = (entry: SessionEntry) =>
      Effect.andThen(
        Effect.timeoutOption(silence(entry), Duration.times(deadline, SILENCE_SHARE)),
        // one that could not be stored ends here
        Effect.catch(options.handOver(entry), () => Effect.sync(() => drainAlone(entry)))
      )
    yield* Effect.forEach(
      active,
      (entry) => mode === "hand_over" && entry.handle.isStored ? leave(entry) : Effect.sync(() => drainAlone(entry)),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.forkIn(scope, { startImmediately: true }))
    yield* awaitClosed(active).pipe(Effect.raceFirst(Deferred.await(forced)), Effect.timeoutOption(deadline))
    const left = entries()
    for (const { handle } of left) handle.close("drain_deadline")
    yield* awaitClosed(left).pipe(Effect.timeoutOption(FORCED_CLOSE_DEADLINE))
    return {
      completed: Math.max(0, active.length - left.length),
      interrupted: left.length,
      durationMs: Math.round(MonotonicTime.nowMs(clock) - startedAt)
    }
  })

  const drainOnce = transitions.withPermits(1)(Effect.gen(function*() {
    if (state.report !== undefined) return state.report
    // it may have been starting when the stop was requested
    if (admission.phase === "running") admission.phase = "draining"
    const report = yield* drain
    state.report = report
    admission.phase = "stopped"
    yield* Deferred.succeed(drained, undefined)
    yield* logReport(report)
    if (state.link !== undefined) {
      yield* closeScope(state.link.scope, FORCED_CLOSE_DEADLINE)
      state.link = undefined
    }
    yield* SubscriptionRef.set(connection, "disconnected")
    return report
  }))

  return {
    start: Effect.suspend(() =>
      Deferred.isDoneUnsafe(stopRequested)
        ? Effect.fail(ProviderLink.stoppedError(state.report === undefined ? "draining" : "stopped"))
        : transitions.withPermits(1)(connect)
    ),
    stop: Effect.suspend(() => {
      // admission closes before the semaphore is waited for
      if (admission.phase === "running") admission.phase = "draining"
      Deferred.doneUnsafe(stopRequested, Effect.void)
      if (state.stopping !== undefined) return Fiber.join(state.stopping)
      // in the backend's scope: the drain continues when the caller is interrupted
      return Effect.flatMap(Effect.forkIn(drainOnce, scope, { startImmediately: true }), (fiber) => {
        state.stopping ??= fiber
        return Fiber.join(fiber)
      })
    }),
    abort: Effect.asVoid(Deferred.succeed(forced, undefined)),
    link: () => state.link
  }
})
