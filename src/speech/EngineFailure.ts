/**
 * The failure of an engine or a provider, whatever its code does: fail, throw, die, give no effect, or interrupt itself.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { type BackendError, describe, INTERNAL, isBackendError, PipelineError } from "../BackendError.ts"

/**
 * The error of a cause: its first typed failure, or `pipeline_error` that names the engine.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCause = (op: string, engine: string, cause: Cause.Cause<unknown>): BackendError => {
  for (const reason of cause.reasons) {
    if (reason._tag === "Fail" && isBackendError(reason.error)) return reason.error
  }
  const itself = Cause.hasInterruptsOnly(cause)
  const error = Cause.squash(cause)
  return new PipelineError({
    op,
    message: itself ? `${engine} interrupted itself` : `${engine} failed: ${describe(error)}`,
    cause: error,
    retryable: false,
    details: { reason: INTERNAL }
  })
}

/**
 * Asks an engine: whatever it does in place of an answer is its failure, and so is a Promise where an effect is expected.
 *
 * @category constructors
 * @since 0.1.0
 */
export const asked = <A, E, R>(
  op: string,
  engine: string,
  ask: () => Effect.Effect<A, E, R>
): Effect.Effect<A, BackendError, R> =>
  Effect.suspend(() => {
    const answer = ask()
    const given: unknown = answer
    if (Effect.isEffect(given)) return answer
    // nobody would see that it is rejected later, and the process would end
    if (Predicate.isPromiseLike(given)) given.then(undefined, () => undefined)
    return Effect.die(new TypeError("it gave no Effect"))
  }).pipe(caught(op, engine))

/**
 * Turns whatever ends an effect of an engine into its failure. When the caller is interrupted, so is the effect.
 *
 * @category combinators
 * @since 0.1.0
 */
export const caught = (op: string, engine: string) =>
<A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, BackendError, R> => Effect.catchCause(effect, (cause) => Effect.fail(fromCause(op, engine, cause)))
