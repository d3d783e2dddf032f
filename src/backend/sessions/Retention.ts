/**
 * Decides how long the data of a backend's sessions is kept, and deletes expired recordings.
 *
 * Without an archive nothing is kept.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { InvalidConfig } from "../../BackendError.ts"
import { deadline, finalizeWithin } from "../../Deadline.ts"
import * as HealthSource from "../../HealthSource.ts"
import { DataRetentionHook } from "../../hooks/DataRetentionHook.ts"
import * as RetentionPolicy from "../../hooks/RetentionPolicy.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as ArchiveOutage from "../../session/retention/ArchiveOutage.ts"
import { SessionArchive } from "../../session/retention/SessionArchive.ts"
import type * as SessionRecorder from "../../session/retention/SessionRecorder.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import { type BackendConfig, periodsOf } from "../config/BackendConfig.ts"
import * as ApplicationService from "./ApplicationService.ts"

const SWEEP_EVERY = "1 minute"
/** A session does not wait longer for its archive: it is recorded as soon as the archive works. */
const BEGIN_DEADLINE = "1 second"
const PROBE_EVERY = "10 seconds"
const SWEEPER = "sweep"

/**
 * @category models
 * @since 0.1.0
 */
export interface Retention {
  readonly archive: SessionArchive["Service"] | undefined
  /** What to record of a session that starts or resumes; `undefined` for nothing. */
  readonly open: (
    id: string,
    session: SessionConfig
  ) => Effect.Effect<SessionRecorder.Retention | undefined, never, Scope.Scope>
  /** Whether what must be recorded can be recorded, for the health report. */
  readonly health?: HealthSource.HealthSource | undefined
}

const nothing: Retention = { archive: undefined, open: () => Effect.undefined }

/**
 * Makes it on the archive and the retention hook, if there are any. Expired recordings are deleted every minute while the
 * scope lives. `onHealthChange` runs when the archive begins to fail, and when it works again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  config: () => BackendConfig,
  onHealthChange: Effect.Effect<unknown> = Effect.void
) {
  const found = yield* Effect.serviceOption(SessionArchive)
  // read here, because a caller of createSession does not have the hook in its context
  const hook = yield* Effect.serviceOption(DataRetentionHook)
  if (Option.isNone(found)) {
    const [kept] = Object.keys(periodsOf(config()))
    if (kept === undefined) return nothing
    return yield* new InvalidConfig({
      op: "VoiceBackend.make",
      message: `retention.${kept}: no SessionArchive service: provide one`,
      details: { missing: "SessionArchive" }
    })
  }
  const archive = ApplicationService.guard(found.value, "SessionArchive", "the archive")
  const outage = yield* ArchiveOutage.make(onHealthChange)
  // set forward, the wall clock makes everything look expired
  const clockSteps = MonotonicTime.wallClockSteps(yield* Clock.Clock)
  yield* Effect.suspend(() => clockSteps() === 0 ? archive.sweep : Effect.succeed(0)).pipe(
    Effect.andThen(outage.worked(SWEEPER)),
    Effect.catch((error) => outage.failed(SWEEPER, error)),
    Effect.catchCause((cause) =>
      Effect.logError("the sweep of expired recordings failed", ThrownValue.loggable(cause))
    ),
    Effect.repeat(Schedule.spaced(SWEEP_EVERY)),
    Effect.forkScoped
  )
  const decide = (metadata: { readonly [key: string]: unknown }) => {
    const deciding = RetentionPolicy.decide(periodsOf(config()), metadata)
    return Option.isNone(hook) ? deciding : Effect.provideService(deciding, DataRetentionHook, hook.value)
  }
  const open: Retention["open"] = Effect.fnUntraced(function*(id, session) {
    const periods = yield* decide(session.metadata ?? {})
    if (Object.keys(periods).length === 0) return undefined
    const { userId } = session
    let isFinished = false
    const finish = Effect.suspend(() => {
      if (isFinished) return Effect.void
      isFinished = true
      return archive.finish(id, periods)
    })
    // also when it begins too late, or when the session is not opened
    yield* Effect.addFinalizer(() =>
      Effect.ignore(finalizeWithin(BEGIN_DEADLINE)(finish)).pipe(Effect.andThen(outage.ended(id)))
    )
    const startedAtMs = yield* archive.begin({ session: id, userId, periods }).pipe(
      deadline("VoiceBackend.createSession", "the archive", BEGIN_DEADLINE),
      Effect.catch((error) => Effect.as(outage.failed(id, error), undefined))
    )
    return { archive, userId, periods, startedAtMs, finish, outage }
  })
  const canWrite = yield* HealthSource.shared(
    Effect.suspend(() => {
      const isUsed = Option.isSome(hook) || Object.keys(periodsOf(config())).length > 0
      return isUsed && archive.probe !== undefined ? archive.probe : Effect.void
    }),
    PROBE_EVERY
  )
  const health: HealthSource.HealthSource = {
    name: "retention",
    what: "the archive",
    failed: "degraded",
    probe: Effect.flatMap(outage.current, (error) => error === undefined ? canWrite : Effect.fail(error))
  }
  const retention: Retention = { archive, open, health }
  return retention
})
