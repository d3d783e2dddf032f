/**
 * Assertions of the conformance suite: each is an effect that fails with what was expected and what was found.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import type { BackendError, BackendErrorCode } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"

/**
 * Reports a violation of the contract: what was expected, and what was found.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConformanceError extends Schema.TaggedError<ConformanceError>()("ConformanceError", {
  message: Schema.String
}) {}

/**
 * The errors that a row may fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = ConformanceError | BackendError

/** How long a row waits for an expected change by default; generous, because a slow machine is not a broken contract. */
const DEFAULT_WAIT = "1 minute"
const POLL_INTERVAL = "20 millis"

const show = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value)
  return text.length > 400 ? `${text.slice(0, 400)} …` : text
}

/**
 * Fails with a message.
 *
 * @category checks
 * @since 0.1.0
 */
export const fail = (message: string): Effect.Effect<never, ConformanceError> =>
  Effect.fail(new ConformanceError({ message }))

/**
 * Fails unless the condition holds.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertThat = (holds: boolean, what: string): Effect.Effect<void, ConformanceError> =>
  holds ? Effect.void : fail(`expected that ${what}`)

/**
 * Fails unless both values are structurally equal.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertEqual = (found: unknown, expected: unknown, what: string): Effect.Effect<void, ConformanceError> =>
  Equal.equals(found, expected) ? Effect.void : fail(`${what}: expected ${show(expected)}, found ${show(found)}`)

/**
 * Fails unless the effect fails with this code; returns its error for further checks.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertFailsWith = <A, R>(
  code: BackendErrorCode,
  effect: Effect.Effect<A, Failure, R>
): Effect.Effect<BackendError, ConformanceError, R> =>
  Effect.matchEffect(effect, {
    onSuccess: (value) => fail(`expected error ${code}, but it succeeded with ${show(value)}`),
    onFailure: (error) =>
      error._tag === "ConformanceError"
        ? Effect.fail(error)
        : error.code === code
        ? Effect.succeed(error)
        : fail(`expected error ${code}, but it failed with ${error.code}: ${error.message}`)
  })

/**
 * Polls every 20 ms until `look` returns something other than `undefined` and `false`, and returns that; fails after
 * `within` (default: 1 minute).
 *
 * @category checks
 * @since 0.1.0
 */
export const waitUntil = <A, E = never, R = never>(
  what: string,
  look: () => A | undefined | false | Effect.Effect<A | undefined | false, E, R>,
  within: Duration.Input = DEFAULT_WAIT
): Effect.Effect<A, ConformanceError | E, R> =>
  Effect.gen(function*() {
    const end = (yield* MonotonicTime.currentMs) + Duration.toMillis(Duration.fromInputUnsafe(within))
    while (true) {
      const seen = look()
      const value = Effect.isEffect(seen) ? yield* seen : seen
      if (value !== undefined && value !== false) return value
      if ((yield* MonotonicTime.currentMs) >= end) {
        return yield* fail(`timed out after ${Duration.format(Duration.fromInputUnsafe(within))} waiting until ${what}`)
      }
      yield* Effect.sleep(POLL_INTERVAL)
    }
  })

/**
 * Fails when the effect takes longer than `duration`.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertCompletesWithin = <A, E, R>(
  duration: Duration.Input,
  what: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ConformanceError, R> =>
  Effect.timeoutOrElse(effect, {
    duration,
    orElse: () => fail(`${what} took longer than ${Duration.format(Duration.fromInputUnsafe(duration))}`)
  })

/**
 * Formats a cause as text: failures, defects and interruptions.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describeCause = (cause: Cause.Cause<Failure>): string =>
  cause.reasons.map((reason) => {
    if (reason._tag === "Interrupt") return "it was interrupted"
    if (reason._tag === "Die") {
      const { defect } = reason
      return defect instanceof ConformanceError
        ? defect.message
        : `expected a value or one of the errors of the contract, but it died: ${Cause.pretty(Cause.die(defect))}`
    }
    return reason.error._tag === "ConformanceError"
      ? reason.error.message
      : `it failed with ${reason.error.code} in ${reason.error.op}: ${reason.error.message}`
  }).join("; ")
