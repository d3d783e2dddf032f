/**
 * The contract as a suite: every row of it, and every requirement behind it, as a test that any provider can be put
 * through. Plain data and effects, for whatever runs tests.
 *
 * A provider supplies a `Harness`: itself, and how a scripted user comes in over its real transport. Engines, agents and
 * users are the suite's. What a provider cannot do is skipped with the reason; what is not shown here says where it is.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { ConformanceError, describe, type Failure } from "./Assertions.ts"
import * as BackendRows from "./BackendRows.ts"
import * as ConfigRows from "./ConfigRows.ts"
import * as ErrorCodes from "./ErrorCodes.ts"
import * as FunctionalRequirements from "./FunctionalRequirements.ts"
import type { Harness, Need } from "./Harness.ts"
import * as HookRows from "./HookRows.ts"
import * as Promises from "./Promises.ts"
import * as ProviderRows from "./ProviderRows.ts"
import type { Row } from "./Row.ts"
import * as SessionConfigRows from "./SessionConfigRows.ts"
import * as SessionRows from "./SessionRows.ts"
import * as SuccessCriteria from "./SuccessCriteria.ts"
import * as TestBackends from "./TestBackends.ts"

export { ConformanceError, type Failure } from "./Assertions.ts"
export type { Dial, Harness, Line, Listener, Need } from "./Harness.ts"
export { memoryLine, virtualTime } from "./InMemoryHarness.ts"

/**
 * One test: `id` and `says` name it. With `later` there is nothing to run: the reason says where it is shown instead, or
 * what it waits for; with `skip` the provider cannot do it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly id: string
  readonly says: string
  readonly later?: string | undefined
  readonly skip?: string | undefined
  readonly run: Effect.Effect<void, Failure>
}

/**
 * What became of a case. `detail` is the failure, or the reason why it was not run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  readonly id: string
  readonly says: string
  readonly result: "held" | "broken" | "skipped" | "later"
  readonly detail: string | undefined
  readonly ms: number
}

const entries: ReadonlyArray<Row> = [
  ...BackendRows.entries,
  ...ProviderRows.entries,
  ...SessionRows.entries,
  ...SessionConfigRows.entries,
  ...ConfigRows.entries,
  ...HookRows.entries,
  ...ErrorCodes.entries,
  ...FunctionalRequirements.entries,
  ...SuccessCriteria.entries,
  ...Promises.entries
]

/** Longer than any test may take, however busy the machine is. */
const DEADLINE = "4 minutes"

const bounded = (id: string, test: Effect.Effect<void, Failure, Scope.Scope>): Effect.Effect<void, Failure> =>
  Effect.scoped(test).pipe(
    // what goes wrong in a test is meant to
    Effect.provideService(References.MinimumLogLevel, "Fatal"),
    Effect.timeoutOrElse({
      duration: DEADLINE,
      orElse: () => Effect.fail(new ConformanceError({ message: `${id} did not end within ${DEADLINE}` }))
    })
  )

const lacking = (harness: Harness, needs: ReadonlyArray<Need>): string | undefined => {
  const { capabilities } = harness.provider
  const lacks = {
    ...(capabilities.s2s ? {} : { s2s: "the provider says that it takes no speech-to-speech sessions" }),
    ...(capabilities.multiUser ? {} : { multiUser: "the provider says that it takes one user at a time" }),
    ...harness.unsupported
  }
  return needs.map((need) => lacks[need]).find((reason) => reason !== undefined)
}

/**
 * The suite for one provider, in the order of the contract.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suite = (harness: Harness): ReadonlyArray<Case> => {
  const stage = TestBackends.make(harness)
  const time = harness.time ?? ((test) => test)
  return entries.map((entry): Case => {
    const { id, says } = entry
    if (entry._tag === "Later") return { id, says, later: entry.reason, run: Effect.void }
    const skip = lacking(harness, entry.needs)
    return skip === undefined
      ? { id, says, run: time(bounded(id, entry.act(stage))) }
      : { id, says, skip, run: Effect.void }
  })
}

const runCase = ({ id, later, run, says, skip }: Case): Effect.Effect<Result> =>
  Effect.gen(function*() {
    if (later !== undefined) return { id, says, result: "later" as const, detail: later, ms: 0 }
    if (skip !== undefined) return { id, says, result: "skipped" as const, detail: skip, ms: 0 }
    const before = yield* Clock.currentTimeMillis
    const detail = yield* run.pipe(
      Effect.as(undefined),
      Effect.catchCause((cause) => Effect.succeed(describe(cause)))
    )
    const ms = (yield* Clock.currentTimeMillis) - before
    return { id, says, result: detail === undefined ? "held" as const : "broken" as const, detail, ms }
  })

/**
 * Runs the suite, several cases at once, and gives every result.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (
  harness: Harness,
  options: { readonly concurrency?: number | undefined; readonly only?: RegExp | undefined } = {}
): Effect.Effect<ReadonlyArray<Result>> =>
  Effect.forEach(
    suite(harness).filter(({ id }) => options.only?.test(id) ?? true),
    runCase,
    { concurrency: options.concurrency ?? 8 }
  )

/**
 * `conformance: 150 held, 12 later, 0 broken`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const summary = (results: ReadonlyArray<Result>): string => {
  const count = (result: Result["result"]) => results.filter((each) => each.result === result).length
  const skipped = count("skipped")
  return `conformance: ${count("held")} held, ${count("later")} later, ${count("broken")} broken` +
    (skipped === 0 ? "" : `, ${skipped} skipped`)
}

/**
 * The results as a table in Markdown: id, what it says, what became of it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const table = (results: ReadonlyArray<Result>): string =>
  ["| id | says | result |", "|---|---|---|"].concat(
    results.map(({ detail, id, result, says }) =>
      `| ${id} | ${says} | ${result}${detail === undefined ? "" : `: ${detail.replaceAll("|", "\\|")}`} |`
    )
  ).join("\n")
