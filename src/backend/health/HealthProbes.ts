/**
 * Asks the parts of a backend how they are. A failure, a crash and a time-out are answers, too.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { type BackendError, isForLog } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import type { HealthSource } from "../../HealthSource.ts"
import type { EngineHealth } from "../../speech/EngineHealth.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { HealthPart } from "./HealthStatus.ts"

const PROBE_DEADLINE = "5 seconds"

/**
 * Probes one part, which has this status while the probe fails.
 *
 * @category combinators
 * @since 0.1.0
 */
export const part = (
  name: string,
  what: string,
  status: HealthPart["status"],
  probe: Effect.Effect<HealthPart | void, BackendError>
): Effect.Effect<HealthPart> =>
  probe.pipe(
    Effect.map((answer): HealthPart => answer ?? { name, status: "healthy" }),
    deadline("VoiceBackend.healthCheck", what, PROBE_DEADLINE),
    Effect.catchCause((cause) =>
      Effect.sync((): HealthPart => {
        const failure = cause.reasons.find((reason) => reason._tag === "Fail")?.error
        if (failure !== undefined && !isForLog(failure)) {
          return { name, status, cause: `${failure.code}: ${ThrownValue.textOf(failure)}` }
        }
        // the text of a crash may hold anything, so it is for the log alone
        return withCrash({
          name,
          status,
          cause: `the probe of ${what} ${failure === undefined ? "crashed" : "failed"}`
        }, cause)
      })
    )
  )

const crashes = new WeakMap<HealthPart, Cause.Cause<unknown>>()

const withCrash = (part: HealthPart, cause: Cause.Cause<unknown> | undefined): HealthPart => {
  if (cause !== undefined) crashes.set(part, cause)
  return part
}

/**
 * Why a part's probe crashed; `undefined` when its cause says it all.
 *
 * @category accessors
 * @since 0.1.0
 */
export const crashOf = (part: HealthPart): Cause.Cause<unknown> | undefined => crashes.get(part)

/**
 * The engines of one kind: degraded while one of them fails, unhealthy when all do.
 *
 * @category combinators
 * @since 0.1.0
 */
export const engines = (kind: string, engine: EngineHealth): Effect.Effect<ReadonlyArray<HealthPart>> =>
  Effect.forEach(engine.members ?? [engine], (member) =>
    part(
      `${kind}:${member.name}`,
      member.name,
      "degraded",
      Effect.suspend(() => {
        const error = member.failing?.()
        return error === undefined ? member.probe ?? Effect.void : Effect.fail(error)
      })
    ), { concurrency: "unbounded" }).pipe(
      Effect.map((parts) =>
        parts.some(({ status }) => status === "healthy")
          ? parts
          : parts.map((part) => withCrash({ ...part, status: "unhealthy" }, crashOf(part)))
      )
    )

/**
 * A dependency.
 *
 * @category combinators
 * @since 0.1.0
 */
export const source = ({ failed = "unhealthy", name, probe, what }: HealthSource): Effect.Effect<HealthPart> =>
  part(name, what, failed, probe)
