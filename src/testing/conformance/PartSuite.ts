/**
 * Suites for the parts of a backend that are no providers: each row is a promise of a contract in `src/speech` or of
 * `SessionStore`, and the check that verifies it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Failure } from "./Assertions.ts"
import * as Case from "./Case.ts"

/**
 * What every harness of a part has.
 *
 * - `name`: of the part, for reports.
 * - `unsupported`: rows that do not concern it, by their ids, each with the reason; they are skipped with it.
 * - `provideTime`: runs a test with another clock. Default: the current clock. `virtualTime` makes a suite fast where the part
 *   uses neither network, threads nor timers of its own.
 * - `deadline`: how long a case may take in real time, whatever its clock is. Default: 4 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartHarness extends Case.RunOptions {
  readonly name: string
  readonly unsupported?: { readonly [id: string]: string } | undefined
}

/**
 * A row: `check` fails when the part does not keep it.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartRow<Part> {
  readonly id: string
  readonly title: string
  readonly check: (part: Part) => Effect.Effect<Case.Skipped | void, Failure, Scope.Scope>
}

/**
 * Makes the cases of a harness: the part is built anew for each of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cases = <Part>(
  harness: PartHarness,
  rows: ReadonlyArray<PartRow<Part>>,
  open: Effect.Effect<Part, Failure, Scope.Scope>
): ReadonlyArray<Case.Case> => {
  return rows.map(({ check, id, title }): Case.Case => {
    const skip = harness.unsupported?.[id]
    return skip === undefined
      ? { id, title, run: Case.runOf(id, Effect.flatMap(open, check), harness) }
      : { id, title, skip, run: Effect.void }
  })
}
