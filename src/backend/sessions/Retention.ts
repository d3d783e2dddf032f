/**
 * Decides how long the data of a backend's sessions is kept, and deletes expired recordings.
 *
 * Without an archive nothing is kept.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { InvalidConfig } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { HealthSource } from "../../HealthSource.ts"
import { DataRetentionHook } from "../../hooks/DataRetentionHook.ts"
import * as RetentionPolicy from "../../hooks/RetentionPolicy.ts"
import { SessionArchive } from "../../session/retention/SessionArchive.ts"
import type * as SessionRecorder from "../../session/retention/SessionRecorder.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import { type BackendConfig, periodsOf } from "../config/BackendConfig.ts"

const SWEEP_EVERY = "1 minute"
/** A session does not wait longer for its archive: it starts without a recording. */
const BEGIN_DEADLINE = "5 seconds"

/**
 * @category models
 * @since 0.1.0
 */
export interface Retention {
  readonly archive: SessionArchive["Service"] | undefined
  /** What to record of a session that starts or resumes; `undefined` for nothing. */
  readonly open: (id: string, session: SessionConfig) => Effect.Effect<SessionRecorder.Retention | undefined>
  /** Whether recordings can be kept, for the health report. */
  readonly health?: HealthSource | undefined
}

const nothing: Retention = { archive: undefined, open: () => Effect.undefined }

/**
 * Makes it on the archive and the retention hook, if there are any. Expired recordings are deleted every minute while the
 * scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(config: () => BackendConfig) {
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
  const archive = found.value
  yield* archive.sweep.pipe(
    Effect.catch((error) => Effect.logWarning("expired recordings could not be deleted", error.message)),
    Effect.repeat(Schedule.spaced(SWEEP_EVERY)),
    Effect.forkScoped
  )
  const decide = (metadata: { readonly [key: string]: unknown }) => {
    const deciding = RetentionPolicy.decide(periodsOf(config()), metadata)
    return Option.isNone(hook) ? deciding : Effect.provideService(deciding, DataRetentionHook, hook.value)
  }
  const open: Retention["open"] = (id, session) =>
    Effect.gen(function*() {
      const periods = yield* decide(session.metadata ?? {})
      if (Object.keys(periods).length === 0) return undefined
      const startedAtMs = yield* archive.begin({ session: id, userId: session.userId, periods })
      return { archive, periods, startedAtMs }
    }).pipe(
      deadline("VoiceBackend.createSession", "opening the archive", BEGIN_DEADLINE),
      Effect.catch((error) =>
        Effect.as(Effect.logWarning("recording disabled for this session", error.message), undefined)
      )
    )
  const retention: Retention = { archive, open }
  return retention
})
