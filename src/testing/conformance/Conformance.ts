/**
 * The contract as a test suite for providers: one case for each row of the contract and each requirement behind it. Plain
 * data and effects, for any test runner.
 *
 * A provider supplies a `Harness`: itself, and how a scripted user connects over its real transport. Engines, agents and
 * users come from the suite. Cases that need an unsupported capability are skipped with the reason; rows that are verified
 * elsewhere say where.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { ConformanceError, describeCause, type Failure } from "./Assertions.ts"
import type { Capability, Harness } from "./Harness.ts"
import type { Row } from "./Row.ts"
import * as BackendRows from "./rows/BackendRows.ts"
import * as ConfigRows from "./rows/ConfigRows.ts"
import * as ErrorCodes from "./rows/ErrorCodes.ts"
import * as FunctionalRequirements from "./rows/FunctionalRequirements.ts"
import * as HookRows from "./rows/HookRows.ts"
import * as Promises from "./rows/Promises.ts"
import * as ProviderRows from "./rows/ProviderRows.ts"
import * as SessionConfigRows from "./rows/SessionConfigRows.ts"
import * as SessionRows from "./rows/SessionRows.ts"
import * as SuccessCriteria from "./rows/SuccessCriteria.ts"
import * as TestBackends from "./TestBackends.ts"

export { ConformanceError, type Failure } from "./Assertions.ts"
export type { Capability, ClientConnection, ConnectClient, Harness, Listener } from "./Harness.ts"
export { memoryClient, virtualTime } from "./InMemoryHarness.ts"

/**
 * One test case, named by `id` and `title`. With `elsewhere` there is nothing to run: it says where the row is verified.
 * With `skip` the provider lacks a capability that the case requires.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly id: string
  readonly title: string
  readonly elsewhere?: string | undefined
  readonly skip?: string | undefined
  readonly run: Effect.Effect<void, Failure>
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

const rows: ReadonlyArray<Row> = [
  ...BackendRows.rows,
  ...ProviderRows.rows,
  ...SessionRows.rows,
  ...SessionConfigRows.rows,
  ...ConfigRows.rows,
  ...HookRows.rows,
  ...ErrorCodes.rows,
  ...FunctionalRequirements.rows,
  ...SuccessCriteria.rows,
  ...Promises.rows
]

/** A safety net for cases that hang; no case takes this long, even on a busy machine. */
const DEADLINE = "4 minutes"

const runWithin = (id: string, test: Effect.Effect<void, Failure, Scope.Scope>): Effect.Effect<void, Failure> =>
  Effect.scoped(test).pipe(
    // rows provoke failures on purpose: their log lines would only be noise
    Effect.provideService(References.MinimumLogLevel, "Fatal"),
    Effect.timeoutOrElse({
      duration: DEADLINE,
      orElse: () => Effect.fail(new ConformanceError({ message: `${id} did not end within ${DEADLINE}` }))
    })
  )

const unsupportedReason = (harness: Harness, requires: ReadonlyArray<Capability>): string | undefined => {
  const { capabilities } = harness.provider
  const reasons = {
    ...(capabilities.s2s ? {} : { s2s: "the provider's capabilities exclude speech-to-speech sessions" }),
    ...(capabilities.multiUser ? {} : { multiUser: "the provider's capabilities allow one user at a time" }),
    ...harness.unsupported
  }
  return requires.map((capability) => reasons[capability]).find((reason) => reason !== undefined)
}

/**
 * Makes the cases for one provider, in the order of the contract.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suite = (harness: Harness): ReadonlyArray<Case> => {
  const backends = TestBackends.make(harness)
  const provideTime = harness.provideTime ?? ((test) => test)
  return rows.map((row): Case => {
    const { id, title } = row
    if (row._tag === "Elsewhere") return { id, title, elsewhere: row.reason, run: Effect.void }
    const skip = unsupportedReason(harness, row.requires)
    return skip === undefined
      ? { id, title, run: provideTime(runWithin(id, row.check(backends))) }
      : { id, title, skip, run: Effect.void }
  })
}

const runCase = ({ id, elsewhere, run, title, skip }: Case): Effect.Effect<Result> =>
  Effect.gen(function*() {
    if (elsewhere !== undefined) return { id, title, result: "elsewhere" as const, detail: elsewhere, ms: 0 }
    if (skip !== undefined) return { id, title, result: "skipped" as const, detail: skip, ms: 0 }
    const before = yield* MonotonicTime.currentMs
    const detail = yield* run.pipe(
      Effect.as(undefined),
      Effect.catchCause((cause) => Effect.succeed(describeCause(cause)))
    )
    const ms = (yield* MonotonicTime.currentMs) - before
    return { id, title, result: detail === undefined ? "passed" as const : "failed" as const, detail, ms }
  })

/**
 * Runs the suite, several cases at once (default: 8), and returns every result.
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
 * Formats the totals: `conformance: 150 passed, 0 failed, 12 verified elsewhere`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const summary = (results: ReadonlyArray<Result>): string => {
  const count = (result: Result["result"]) => results.filter((each) => each.result === result).length
  const skipped = count("skipped")
  return `conformance: ${count("passed")} passed, ${count("failed")} failed, ${count("elsewhere")} verified elsewhere` +
    (skipped === 0 ? "" : `, ${skipped} skipped`)
}

/**
 * Formats the results as a Markdown table: id, title, result.
 *
 * @category conversions
 * @since 0.1.0
 */
export const table = (results: ReadonlyArray<Result>): string =>
  ["| id | title | result |", "|---|---|---|"].concat(
    results.map(({ detail, id, result, title }) =>
      `| ${id} | ${title} | ${result}${detail === undefined ? "" : `: ${detail.replaceAll("|", "\\|")}`} |`
    )
  ).join("\n")
