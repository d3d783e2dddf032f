/**
 * What the suites of all kinds of engines check in the same way: names and rates, what is left running, and how they fail.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { type BackendError, httpStatus, isBackendError } from "../../../BackendError.ts"
import type { EngineHealth } from "../../../speech/EngineHealth.ts"
import {
  assertCompletesWithin,
  assertThat,
  ConformanceError,
  describeCause,
  fail,
  type Failure,
  waitUntil
} from "../Assertions.ts"
import * as Case from "../Case.ts"
import type { PartRow } from "../PartSuite.ts"

/** A session must not wait for an engine that it closes or interrupts. */
const PROMPT = "2 seconds"
const SESSIONS = 20

/**
 * Checks a rate: a whole number of Hz, 8,000 to 96,000.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertRate = (what: string, rate: number): Effect.Effect<void, ConformanceError> =>
  assertThat(Number.isInteger(rate) && rate >= 8_000 && rate <= 96_000, `${what} is a rate in Hz, and not ${rate}`)

/**
 * Checks the name of an engine and its language tags.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertDescribed = (
  name: string,
  capabilities: { readonly languages?: ReadonlyArray<string> | undefined; readonly language?: string | undefined } = {}
): Effect.Effect<void, ConformanceError> =>
  Effect.gen(function*() {
    yield* assertThat(name !== "", "the engine has a name")
    for (
      const tag of [
        ...capabilities.languages ?? [],
        ...capabilities.language === undefined ? [] : [capabilities.language]
      ]
    ) {
      yield* assertThat(isTag(tag), `a language is a BCP 47 tag, and not "${tag}"`)
    }
  })

/**
 * Whether a text is a BCP 47 tag.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTag = (tag: string): boolean => {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}

/**
 * Fails when something takes longer than 2 s that a session must not wait for.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertPrompt = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
  // what cannot be interrupted must not hold the suite up
  Effect.flatMap(Effect.forkDetach(effect), (fiber) => assertCompletesWithin(PROMPT, what, Fiber.join(fiber)))

/** What keeps this process alive, and listeners of the process, by kind. */
const resources = (): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  const count = (kind: string, n: number) => counts.set(kind, (counts.get(kind) ?? 0) + n)
  for (const kind of process.getActiveResourcesInfo()) if (kind !== "Immediate") count(kind, 1)
  for (const event of process.eventNames()) count(`listeners of ${String(event)}`, process.listenerCount(event))
  return counts
}

/**
 * Opens and closes 20 sessions, in the middle of what they do, and checks that closing is prompt and leaves no fiber, and no timer,
 * socket, process or listener of its own for each. `use` does
 * something with a session until it is interrupted.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertReleases = <E>(
  use: (session: number) => Effect.Effect<unknown, E, Scope.Scope>
): Effect.Effect<void, E | ConformanceError> =>
  Effect.gen(function*() {
    // what it starts once, for all sessions, is started by the first
    const once = yield* Scope.make()
    yield* Scope.provide(use(0), once)
    yield* assertPrompt("closing the first session in the middle of its work", Scope.close(once, Exit.void))
    const before = resources()
    let fibers = 0
    const counter: Metric.FiberRuntimeMetricsService = {
      recordFiberStart: () => void fibers++,
      recordFiberEnd: () => void fibers--
    }
    for (let session = 1; session <= SESSIONS; session++) {
      const scope = yield* Scope.make()
      yield* use(session).pipe(Scope.provide(scope), Effect.provideService(Metric.FiberRuntimeMetrics, counter))
      yield* assertPrompt(`closing session ${session} in the middle of its work`, Scope.close(scope, Exit.void))
    }
    yield* waitUntil(`no fiber is left of ${SESSIONS} closed sessions`, () => fibers <= 0, "10 seconds").pipe(
      Effect.catchTag("ConformanceError", () => fail(`${fibers} fibers are left of ${SESSIONS} closed sessions`))
    )
    // other cases run meanwhile, and begin and end timers of theirs: only what most sessions leave is counted
    const left = () =>
      Array.from(resources()).flatMap(([kind, count]) => {
        const more = count - (before.get(kind) ?? 0)
        return more >= SESSIONS * 3 / 4 ? [`${more} more of ${kind}`] : []
      })
    yield* waitUntil("nothing is left", () => left().length === 0, "10 seconds").pipe(
      Effect.catchTag("ConformanceError", () =>
        fail(`timers, sockets, processes or listeners are left of ${SESSIONS} closed sessions: ${left().join(", ")}`))
    )
  })

/**
 * Checks a failure that an engine gave: one of the thirteen errors of the contract, which can be sent to a client.
 *
 * @category checks
 * @since 0.1.0
 */
export const assertTypedFailure = <A, R>(
  what: string,
  effect: Effect.Effect<A, unknown, R>
): Effect.Effect<BackendError, ConformanceError, R> =>
  Effect.matchCauseEffect(effect, {
    onSuccess: () => fail(`${what}: expected that it fails`),
    onFailure: (cause) => {
      const error = cause.reasons.find(Cause.isFailReason)?.error
      if (!isBackendError(error)) return fail(`${what}: expected a BackendError, found ${Cause.pretty(cause)}`)
      return assertThat(
        error.op !== "" && error.message !== "" && httpStatus(error) >= 400 && isJson(error.details),
        `${what}: the error has an op, a message, and JSON as its details`
      ).pipe(Effect.as(error))
    }
  })

/**
 * Makes the row about the probe of a part, where it has one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const probeRow = (kind: string): PartRow<{ readonly engine: EngineHealth }> => ({
  id: `${kind}.Probe`,
  title: "answers its probe while it works",
  check: ({ engine: { probe } }) =>
    probe === undefined
      ? Case.skip("the engine has no probe")
      : assertCompletesWithin("30 seconds", "the probe", probe)
})

/**
 * Makes the row about how a part fails that cannot work: `use` builds it, and does with it what must fail within a minute.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failureRow = <Service>(
  kind: string,
  use: (layer: Layer.Layer<Service, BackendError>) => Effect.Effect<unknown, unknown, Scope.Scope>
): PartRow<{ readonly failing: Layer.Layer<Service, BackendError> | undefined }> => ({
  id: `${kind}.Failure`,
  title: "fails with one of the errors of the contract where it cannot work",
  check: ({ failing }) =>
    failing === undefined
      ? Case.skip("the harness has no part that cannot work: `failing`")
      : Effect.asVoid(assertCompletesWithin(
        "1 minute",
        "the failure of a part that cannot work",
        assertTypedFailure("a part that cannot work", Effect.scoped(use(failing)))
      ))
})

/**
 * What ended a stream that should have gone on: the error that it failed with, or what else it was.
 *
 * @category conversions
 * @since 0.1.0
 */
export const failureOf = (what: string, cause: Cause.Cause<Failure>): Failure => {
  const error = cause.reasons.find(Cause.isFailReason)?.error
  return error ?? new ConformanceError({ message: `${what}: ${describeCause(cause)}` })
}

const isJson = (value: unknown): boolean => {
  try {
    return value === undefined || JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}
