/**
 * How a conformance test says what it expects: each check is an effect that fails with what was found in its place.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import type { BackendError, BackendErrorCode } from "../../BackendError.ts"

/**
 * The contract was not kept: what was expected, and what was found.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConformanceError extends Schema.TaggedError<ConformanceError>()("ConformanceError", {
  message: Schema.String
}) {}

/**
 * What a test may fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = ConformanceError | BackendError

/** How long a test waits for what shall happen, unless told otherwise. */
const PATIENCE = "1 minute"
const LOOK_EVERY = "20 millis"

const show = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value)
  return text.length > 400 ? `${text.slice(0, 400)} …` : text
}

/**
 * @category checks
 * @since 0.1.0
 */
export const broken = (message: string): Effect.Effect<never, ConformanceError> =>
  Effect.fail(new ConformanceError({ message }))

/**
 * @category checks
 * @since 0.1.0
 */
export const that = (holds: boolean, what: string): Effect.Effect<void, ConformanceError> =>
  holds ? Effect.void : broken(`expected that ${what}`)

/**
 * Structural equality.
 *
 * @category checks
 * @since 0.1.0
 */
export const same = (found: unknown, expected: unknown, what: string): Effect.Effect<void, ConformanceError> =>
  Equal.equals(found, expected) ? Effect.void : broken(`${what}: expected ${show(expected)}, found ${show(found)}`)

/**
 * The effect fails with this code; gives the error, to be looked at further.
 *
 * @category checks
 * @since 0.1.0
 */
export const refused = <A, R>(
  code: BackendErrorCode,
  effect: Effect.Effect<A, Failure, R>
): Effect.Effect<BackendError, ConformanceError, R> =>
  Effect.matchEffect(effect, {
    onSuccess: (value) => broken(`expected ${code}, but it succeeded with ${show(value)}`),
    onFailure: (error) =>
      error._tag === "ConformanceError"
        ? Effect.fail(error)
        : error.code === code
        ? Effect.succeed(error)
        : broken(`expected ${code}, but it failed with ${error.code}: ${error.message}`)
  })

/**
 * Looks every 20 ms until there is something other than `undefined` and `false`, and gives it.
 *
 * @category checks
 * @since 0.1.0
 */
export const until = <A, E = never, R = never>(
  what: string,
  look: () => A | undefined | false | Effect.Effect<A | undefined | false, E, R>,
  within: Duration.Input = PATIENCE
): Effect.Effect<A, ConformanceError | E, R> =>
  Effect.gen(function*() {
    const end = (yield* Clock.currentTimeMillis) + Duration.toMillis(Duration.fromInputUnsafe(within))
    while (true) {
      const seen = look()
      const value = Effect.isEffect(seen) ? yield* seen : seen
      if (value !== undefined && value !== false) return value
      if ((yield* Clock.currentTimeMillis) >= end) {
        return yield* broken(`waited ${Duration.format(Duration.fromInputUnsafe(within))} in vain: ${what}`)
      }
      yield* Effect.sleep(LOOK_EVERY)
    }
  })

/**
 * The effect ends within a time, or the contract is broken.
 *
 * @category checks
 * @since 0.1.0
 */
export const within = <A, E, R>(
  duration: Duration.Input,
  what: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | ConformanceError, R> =>
  Effect.timeoutOrElse(effect, {
    duration,
    orElse: () => broken(`${what} took longer than ${Duration.format(Duration.fromInputUnsafe(duration))}`)
  })

/**
 * The text of whatever a test failed or died with.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe = (cause: Cause.Cause<Failure>): string =>
  cause.reasons.map((reason) => {
    if (reason._tag === "Interrupt") return "it was interrupted"
    if (reason._tag === "Die") return `it died: ${Cause.pretty(Cause.die(reason.defect))}`
    return reason.error._tag === "ConformanceError"
      ? reason.error.message
      : `it failed with ${reason.error.code} in ${reason.error.op}: ${reason.error.message}`
  }).join("; ")
