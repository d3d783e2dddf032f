/**
 * How failures are retried: one policy for everything that reconnects or asks again.
 *
 * Pauses double with each retry, are capped, and vary by ± 20 % so that many sessions do not retry in step. A failure that
 * says when to come back (`details.retryAfterMs`) is retried no earlier than that.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { BackendError } from "./BackendError.ts"
import * as MonotonicTime from "./MonotonicTime.ts"

/**
 * - `delay`: the pause before the first retry; it doubles with each.
 * - `maxDelay`: the longest pause, before variation. Default 1 min.
 * - `maxRetries`: how often at most. Default: without limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryPolicy {
  readonly delay: Duration.Duration
  readonly maxDelay?: Duration.Duration | undefined
  readonly maxRetries?: number | undefined
}

const MAX_DELAY = Duration.minutes(1)

/**
 * The wait that a failure asks for, in ms; 0 when it asks for none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const retryAfterMs = ({ details }: BackendError): number => {
  const value = details?.["retryAfterMs"]
  return typeof value === "number" && value > 0 ? value : 0
}

/**
 * The policy as a schedule, for `Effect.retry`: its input is the failure, its output the pause before variation.
 *
 * @category conversions
 * @since 0.1.0
 */
export const schedule = (policy: RetryPolicy): Schedule.Schedule<Duration.Duration, BackendError> => {
  const longest = policy.maxDelay ?? MAX_DELAY
  const pauses = Schedule.exponential(policy.delay).pipe(
    Schedule.setInputType<BackendError>(),
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, longest))),
    Schedule.jittered,
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(Duration.max(duration, Duration.millis(retryAfterMs(input))))
    )
  )
  return policy.maxRetries === undefined ? pauses : Schedule.upTo(pauses, { times: policy.maxRetries })
}

/**
 * The pauses of one run of retries, one after another, for a loop that decides by itself whether to retry: each call gives
 * the pause after this failure in ms, or `undefined` when the retries are used up.
 *
 * @category models
 * @since 0.1.0
 */
export type Pauses = (error: BackendError) => Effect.Effect<number | undefined>

/**
 * Begins a run of retries.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (policy: RetryPolicy): Effect.Effect<Pauses> =>
  Effect.map(Schedule.toStep(schedule(policy)), (step) => (error) =>
    MonotonicTime.currentMs.pipe(
      Effect.flatMap((now) => step(now, error)),
      Effect.map(([, pause]) => Duration.toMillis(pause)),
      Pull.catchDone(() => Effect.undefined)
    ))
