/**
 * Layers of an application, whose failures are anything: the cause goes to the log, and the command fails with a sentence.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { asInternal, type BackendError, InvalidConfig, isBackendError, PipelineError } from "../../BackendError.ts"
import { deadline, finalizeWithin } from "../../Deadline.ts"
import * as ThrownValue from "../../ThrownValue.ts"

/** As long as a worker may take to listen. */
const BUILD_WITHIN = "2 minutes"
/** Less than `serve` allows for all that it closes, so that the rest is still closed after one that hangs. */
const RELEASE_WITHIN = "4 seconds"

/** How Effect dies where a service is missing. Only programs without types get that far. */
const missingService = (error: unknown): string | undefined =>
  error instanceof Error ? /^Service not found: (.{1,200})$/.exec(error.message)?.[1] : undefined

const errorOf = (what: string, cause: Cause.Cause<unknown>): BackendError => {
  const error = Cause.squash(cause)
  // its text was written to be read
  if (isBackendError(error)) return error
  const missing = missingService(error)
  if (missing !== undefined) {
    return new InvalidConfig({
      op: "App.layer",
      message: `${what} could not be built: it needs the service ${missing}, which nothing in the application provides`,
      details: { missing },
      cause: error
    })
  }
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
 * Waits for whoever is interrupted while something is acquired, which cannot be interrupted, but not for long: it is left
 * behind then.
 */
const interruptedWithin = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDetach(restore(effect), { startImmediately: true }),
      (fiber) =>
        restore(Fiber.join(fiber)).pipe(
          Effect.onInterrupt(() => finalizeWithin(RELEASE_WITHIN)(Fiber.interrupt(fiber)))
        )
    )
  )

/** A scope within another, whose close is waited for 4 seconds at most. */
const boundedScope = (what: string, outer: Scope.Scope): Effect.Effect<Scope.Closeable> =>
  Effect.tap(
    Scope.make(),
    (scope) =>
      Scope.addFinalizerExit(outer, (exit) =>
        Effect.flatMap(finalizeWithin(RELEASE_WITHIN)(Scope.close(scope, exit)), (closed) =>
          Option.isSome(closed)
            ? Effect.void
            : Effect.logWarning(`${what} was not released within ${RELEASE_WITHIN}; it is left behind`)))
  )

/**
 * Logs why a layer of the application fails, and fails with a `BackendError` that does not repeat it: the words of other
 * libraries may hold addresses with passwords. One that is not built within 2 minutes fails `timeout`; one that is not released
 * within 4 seconds is left behind, and so is one that does not stop when its build is interrupted. `what` is the subject of the
 * sentence.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, R>(what: string, layer: Layer.Layer<A, unknown, R>): Layer.Layer<A, BackendError, R> =>
  // in the same map, so that a layer that several of them are made of is built once
  Layer.fromBuildMemo((memoMap, outer) =>
    Effect.flatMap(boundedScope(what, outer), (scope) =>
      Layer.buildWithMemoMap(layer, memoMap, scope).pipe(
        interruptedWithin,
        deadline("App.layer", what, BUILD_WITHIN),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.interrupt
            : Effect.andThen(
              Effect.logError(`${what} could not be built`, ThrownValue.loggable(cause)),
              Effect.fail(errorOf(what, cause))
            )
        )
      ))
  )
