/**
 * Keeps a turn detector that hears audio from costing more than its own verdict.
 *
 * Each verdict has a deadline. A detector that fails or hangs some times in a row is left alone for a while, and the words
 * decide, or silence. That is logged once, until it works again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { type BackendError, normalize, PipelineError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import * as EngineFailure from "../EngineFailure.ts"
import type { TurnDetector } from "../TurnDetector.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"

/** A later verdict is of no use: the words have decided by then, or silence. A model takes 50 to 100 ms, 500 on a busy machine. */
const VERDICT_TIMEOUT = "1 second"
/** Failures in a row after which it is left alone. */
const FAILURES = 3

const op = "TurnDetector.listen"

const checked = (name: string) => (probability: number): Effect.Effect<number, BackendError> =>
  probability >= 0 && probability <= 1
    ? Effect.succeed(probability)
    : Effect.fail(
      new PipelineError({ op, message: `${name} gave ${probability}, which is no probability`, retryable: false })
    )

/**
 * Wraps a detector; one that does not listen is returned as it is. `listen` of the result fails at once while the detector is
 * left alone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  detector: TurnDetector["Service"]
): Effect.fn.Return<TurnDetector["Service"]> {
  const { listen, name } = detector
  if (listen === undefined) return detector
  const breaker = yield* CircuitBreaker.make({ failures: FAILURES })
  let isFailing = false

  const failed = (error: BackendError) =>
    Effect.suspend(() => {
      const first = !isFailing
      isFailing = true
      const why = ThrownValue.loggable(Cause.fail(error))
      return first
        ? Effect.logWarning(`the turn detector ${name} failed: words and silence decide until it works again`, why)
        : Effect.logDebug(`the turn detector ${name} failed again`, why)
    }).pipe(Effect.annotateLogs({ turn_detector: name }))
  const worked = Effect.suspend(() => {
    if (!isFailing) return Effect.void
    isFailing = false
    return Effect.annotateLogs(Effect.logInfo(`the turn detector ${name} works again`), { turn_detector: name })
  })
  const leftAlone = (operation: string) =>
    new PipelineError({
      op: operation,
      message: `${name} has failed several times in a row, and is not asked for a while`,
      cause: breaker.lastError(),
      retryable: true
    })

  return {
    ...detector,
    failing: () => breaker.isOpen() ? leftAlone("health") : undefined,
    listen: (audio) =>
      Effect.gen(function*() {
        const admission = yield* breaker.admit
        if (admission === undefined) return yield* leftAlone(op)
        return yield* EngineFailure.asked(op, name, () => listen(audio)).pipe(
          deadline(op, `a verdict of ${name}`, VERDICT_TIMEOUT),
          Effect.flatMap(checked(name)),
          normalize(op),
          Effect.tapError((error) => Effect.andThen(admission.fail(error), failed(error))),
          Effect.tap(() => Effect.andThen(admission.succeed, worked))
        )
      }).pipe(Effect.scoped)
  }
})
