/**
 * A case of a conformance suite, and how it is run: plain data and an effect, for any test runner.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { ConformanceError, describeCause, type Failure } from "./Assertions.ts"

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

/** A safety net for cases that hang; no case takes this long, even on a busy machine. */
const DEADLINE = "4 minutes"

/**
 * Runs the check of a case in a scope of its own, within 4 min, without the log lines of the failures that it provokes.
 *
 * @category running
 * @since 0.1.0
 */
export const within = <A>(id: string, test: Effect.Effect<A, Failure, Scope.Scope>): Effect.Effect<A, Failure> =>
  Effect.scoped(test).pipe(
    Effect.provideService(References.MinimumLogLevel, "Fatal"),
    Effect.timeoutOrElse({
      duration: DEADLINE,
      orElse: () => Effect.fail(new ConformanceError({ message: `${id} did not end within ${DEADLINE}` }))
    })
  )

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
