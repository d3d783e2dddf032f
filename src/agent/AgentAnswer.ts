/**
 * The answer of an agent, whatever an application's function gives: a stream of text, or a failure that names the mistake.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { AgentError, type BackendError } from "../BackendError.ts"
import * as LanguageModelErrors from "./LanguageModelErrors.ts"

const kindOf = (value: unknown): string =>
  Predicate.isPromiseLike(value)
    ? "a Promise"
    : value === null
    ? "null"
    : Array.isArray(value)
    ? "an array"
    : Effect.isEffect(value)
    ? "an Effect"
    : Stream.isStream(value)
    ? "a Stream"
    : typeof value

const mistake = (given: unknown, expected: string): AgentError =>
  new AgentError({
    op: "Agent.respond",
    message: `the agent gave ${kindOf(given)}: expected ${expected}`,
    retryable: false
  })

/**
 * Fails with what a function gave in place of what is expected. A Promise that is rejected later is nobody's, and would end the
 * process.
 *
 * @category errors
 * @since 0.1.0
 */
export const refuse = (given: unknown, expected: string): Effect.Effect<never, AgentError> => {
  if (Predicate.isPromiseLike(given)) given.then(undefined, () => undefined)
  return Effect.fail(mistake(given, expected))
}

/**
 * The answer of a function that gives the whole text at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const whole = <E, R>(answer: Effect.Effect<string, E, R>): Stream.Stream<string, E | AgentError, R> => {
  const given: unknown = answer
  return Effect.isEffect(given)
    ? Stream.fromEffect(answer)
    : Stream.fromEffect(refuse(given, "an Effect of a text (Effect.promise makes one of a Promise)"))
}

const texts = (pieces: Arr.NonEmptyReadonlyArray<string>): Effect.Effect<typeof pieces, AgentError> => {
  const given: ReadonlyArray<unknown> = pieces
  const wrong = given.findIndex((piece) => typeof piece !== "string")
  return wrong === -1 ? Effect.succeed(pieces) : Effect.fail(mistake(given[wrong], "text"))
}

/**
 * Asks an agent. Whatever it throws, fails or dies of, a result that is no stream, a piece that is no text and its
 * interruption of itself fail the answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E, R>(respond: () => Stream.Stream<string, E, R>): Stream.Stream<string, BackendError, R> =>
  Stream.suspend((): Stream.Stream<string, E | AgentError, R> => {
    const answer = respond()
    const given: unknown = answer
    return Stream.isStream(given)
      ? Stream.mapArrayEffect(answer, texts)
      : Stream.fromEffect(refuse(given, "a Stream of texts"))
  }).pipe(Stream.catchCause((cause) => Stream.fail(LanguageModelErrors.fromCause(cause))))
