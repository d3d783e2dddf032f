/**
 * Layers of an application, whose failures are anything: the cause goes to the log, and the command fails with a sentence.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { asInternal, type BackendError, isBackendError, PipelineError } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as ThrownValue from "../../ThrownValue.ts"

/** As long as a worker may take to listen. */
const BUILD_WITHIN = "2 minutes"

const errorOf = (what: string, cause: Cause.Cause<unknown>): BackendError => {
  const error = Cause.squash(cause)
  // its text was written to be read
  if (isBackendError(error)) return error
  return asInternal(
    new PipelineError({
      op: "App.layer",
      message: `${what} could not be built: the log has the cause`,
      cause: error,
      retryable: false
    })
  )
}

/**
 * Logs why a layer of the application fails, and fails with a `BackendError` that does not repeat it: the words of other
 * libraries may hold addresses with passwords. One that is not built within 2 minutes fails `timeout`. `what` is the subject of
 * the sentence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, R>(what: string, layer: Layer.Layer<A, unknown, R>): Layer.Layer<A, BackendError, R> =>
  // in the same map, so that a layer that several of them are made of is built once
  Layer.fromBuildMemo((memoMap, scope) =>
    Layer.buildWithMemoMap(layer, memoMap, scope).pipe(
      deadline("App.layer", what, BUILD_WITHIN),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.andThen(
            Effect.logError(`${what} could not be built`, ThrownValue.loggable(cause)),
            Effect.fail(errorOf(what, cause))
          )
      )
    )
  )
