/**
 * Keeps what an application's own answer to a client does wrong from the client.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { type BackendError, ConnectionFailed, Timeout } from "../../BackendError.ts"
import * as ThrownValue from "../../ThrownValue.ts"

const op = "ClientRequests.answer"
/** As long as Pipecat's client waits. */
const DEADLINE = "10 seconds"

/**
 * Bounds an answer in time: then it is `timeout`. A defect is `connection_failed`, and is logged with its cause.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guard = <A>(answer: () => Effect.Effect<A, BackendError>): Effect.Effect<A, BackendError> =>
  Effect.suspend(answer).pipe(
    Effect.timeoutOrElse({
      duration: DEADLINE,
      orElse: () => Effect.fail(new Timeout({ op, message: "the application did not answer in time" }))
    }),
    Effect.catchCause((cause) =>
      Cause.hasDies(cause)
        ? Effect.andThen(
          Effect.logError("the application's answer to a client died", ThrownValue.loggable(cause)),
          Effect.fail(new ConnectionFailed({ op, message: "the application failed to answer" }))
        )
        : Effect.failCause(cause)
    )
  )
