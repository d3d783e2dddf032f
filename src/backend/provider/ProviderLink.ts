/**
 * The link between a backend and its provider: connects with retries, within a deadline.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { type BackendError, ConnectionFailed, normalize } from "../../BackendError.ts"
import { connectDeadline } from "../../Deadline.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import type { ConfiguredProvider, ProviderConnection, ProviderHost } from "./ProviderContract.ts"

/**
 * A connected provider; closing the scope disconnects it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderLink {
  readonly provider: ProviderConnection
  readonly scope: Scope.Closeable
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ProviderLinkOptions {
  readonly provider: ConfiguredProvider
  readonly config: BackendConfig
  readonly host: ProviderHost
  /** The parent of the link's scope. */
  readonly parent: Scope.Scope
  /** Completes when the backend is to stop: connecting is given up. */
  readonly stopRequested: Deferred.Deferred<void>
}

const op = "VoiceBackend.start"

/**
 * Runs an effect in a fiber of its own, so that waiting for it can be interrupted at once: an effect that hangs, interruptible
 * or not, is left to the scope.
 *
 * @category combinators
 * @since 0.1.0
 */
export const raceInterruptible =
  (scope: Scope.Scope) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(
      Effect.forkIn(effect, scope, { startImmediately: true }),
      (fiber) => Effect.onInterrupt(Fiber.join(fiber), () => Effect.sync(() => fiber.interruptUnsafe()))
    )

/**
 * The error of an operation on a backend that is stopping or has stopped.
 *
 * @category errors
 * @since 0.1.0
 */
export const stoppedError = (state: "draining" | "stopped"): ConnectionFailed =>
  new ConnectionFailed({
    op,
    message: `the backend ${
      state === "draining" ? "is stopping" : "has stopped"
    } and cannot be restarted; create a new one`,
    details: { state }
  })

/**
 * Connects. A `retryable` failure is retried, up to `max_retries` times and within `timeout` in total; a crash is not. Fails
 * `connection_timeout` after that, with the last failure as its cause, and `connection_failed` when a stop is requested.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (options: ProviderLinkOptions): Effect.Effect<ProviderLink, BackendError> => {
  const { config, stopRequested: halt, host, parent, provider } = options
  let last: BackendError | undefined
  const attempt = Effect.suspend(() => {
    const scope = Scope.forkUnsafe(parent)
    return provider.connect(config, host).pipe(
      Scope.provide(scope),
      normalize(op),
      Effect.map((connection): ProviderLink => ({ provider: connection, scope })),
      // in a fiber of its own: closing a failed attempt must not delay the next one
      Effect.onExit((exit) => Exit.isFailure(exit) ? Effect.forkIn(Scope.close(scope, Exit.void), parent) : Effect.void)
    )
  })
  return attempt.pipe(
    Effect.tapError((error) => {
      last = error
      return error.retryable
        ? Effect.logWarning(`provider ${provider.name} did not connect`, {
          code: error.code,
          message: ThrownValue.textOf(error)
        })
        : Effect.void
    }),
    Effect.retry({
      schedule: Schedule.exponential(config.retryDelay).pipe(
        Schedule.jittered,
        Schedule.upTo({ times: config.maxRetries })
      ),
      while: (error) => error.retryable
    }),
    raceInterruptible(parent),
    connectDeadline(op, `connecting provider ${provider.name}`, config.timeout, () => last),
    Effect.raceFirst(Effect.andThen(Deferred.await(halt), Effect.suspend(() => Effect.fail(stoppedError("stopped")))))
  )
}
