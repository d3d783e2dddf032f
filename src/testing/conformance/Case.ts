/**
 * A case of a conformance suite, and how it is run: plain data and an effect, for any test runner.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { type ConformanceError, describeCause, fail, type Failure } from "./Assertions.ts"

/**
 * A case found out that it does not concern this part, which lacks what the case is about.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skipped {
  readonly _tag: "Skipped"
  readonly reason: string
}

/**
 * Ends a case that does not concern the part, with the reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const skip = (reason: string): Effect.Effect<Skipped> => Effect.succeed({ _tag: "Skipped", reason })

/**
 * One test case, named by `id` and `title`. With `elsewhere` there is nothing to run: it says where the row is verified.
 * With `skip` the part lacks a capability that the case requires. `run` fails with what did not hold; it succeeds with
 * `Skipped` where the part says only when it is built that it cannot do what the case is about.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly id: string
  readonly title: string
  readonly elsewhere?: string | undefined
  readonly skip?: string | undefined
  readonly run: Effect.Effect<Skipped | void, Failure>
}

/**
 * The result of a case. `detail` is the failure, or the reason why it was not run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly id: string
  readonly title: string
  readonly result: "passed" | "failed" | "skipped" | "elsewhere"
  readonly detail: string | undefined
  readonly ms: number
}

/**
 * The longest that a case takes, a safety net for those that hang: 4 minutes, even on a busy machine.
 *
 * @category constants
 * @since 0.1.0
 */
export const DEADLINE: Duration.Input = "4 minutes"

/** What a case has opened closes at once, even on a busy machine. */
const CLOSING: Duration.Input = "30 seconds"

/** Fails after `duration` of a clock, and leaves behind what hangs: it may not be interruptible. */
const abandonedAfter = <A, E>(
  what: string,
  test: Effect.Effect<A, E>,
  duration: Duration.Input,
  clock: Clock.Clock
): Effect.Effect<A, E | ConformanceError> =>
  Effect.flatMap(Effect.forkDetach(test), (fiber) =>
    Fiber.join(fiber).pipe(
      Effect.raceFirst(Effect.andThen(
        Effect.provideService(Effect.sleep(duration), Clock.Clock, clock),
        fail(`${what} did not end within ${Duration.format(Duration.fromInputUnsafe(duration))}`)
      )),
      Effect.ensuring(Effect.forkDetach(Fiber.interrupt(fiber)))
    ))

/** Runs a test in a scope of its own, which must close in time. */
const closing = <A>(
  id: string,
  test: Effect.Effect<A, Failure, Scope.Scope>,
  clock: Clock.Clock
): Effect.Effect<A, Failure> =>
  Effect.flatMap(
    Scope.make(),
    (scope) =>
      Effect.onExit(Scope.provide(test, scope), (exit) =>
        Effect.interruptible(
          abandonedAfter(`${id}: closing what it had opened`, Scope.close(scope, exit), CLOSING, clock)
        ))
  )

/**
 * How a case is run.
 *
 * - `provideTime`: runs it with another clock. Default: the current one.
 * - `deadline`: of real time, whatever its clock is. Default: 4 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions {
  /** Runs it with another clock. Default: the current one. */
  readonly provideTime?: (<A, E>(test: Effect.Effect<A, E>) => Effect.Effect<A, E>) | undefined
  /** How long it may take in real time, whatever its clock is. Default: 4 minutes. */
  readonly deadline?: Duration.Input | undefined
}

/**
 * Makes the run of a case: its check in a scope of its own, without the log lines of the failures that it provokes. It ends
 * within 4 min of its clock and within the deadline of real time, also where what is tested hangs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const runOf = <A>(
  id: string,
  test: Effect.Effect<A, Failure, Scope.Scope>,
  { deadline = DEADLINE, provideTime = (test) => test }: RunOptions
): Effect.Effect<A, Failure> => {
  const within = Effect.flatMap(Clock.Clock, (clock) => abandonedAfter(id, closing(id, test, clock), DEADLINE, clock))
    .pipe(Effect.provideService(References.MinimumLogLevel, "Fatal"))
  return Effect.suspend(() => abandonedAfter(id, provideTime(within), deadline, Clock.Clock.defaultValue()))
}

/**
 * Runs a case and returns its result, whatever happens.
 *
 * @category running
 * @since 0.1.0
 */
export const result = ({ id, elsewhere, run, title, skip }: Case): Effect.Effect<Result> =>
  Effect.gen(function*() {
    if (elsewhere !== undefined) return { id, title, result: "elsewhere" as const, detail: elsewhere, ms: 0 }
    if (skip !== undefined) return { id, title, result: "skipped" as const, detail: skip, ms: 0 }
    const before = yield* MonotonicTime.currentMs
    const ended = yield* run.pipe(
      Effect.map((skipped) =>
        skipped === undefined
          ? { result: "passed" as const, detail: undefined }
          : { result: "skipped" as const, detail: skipped.reason }
      ),
      Effect.catchCause((cause) => Effect.succeed({ result: "failed" as const, detail: describeCause(cause) }))
    )
    return { id, title, ...ended, ms: (yield* MonotonicTime.currentMs) - before }
  })
