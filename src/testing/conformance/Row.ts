/**
 * One row of the contract, and the check that verifies it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Failure } from "./Assertions.ts"
import type { Capability } from "./Harness.ts"
import type { TestBackends } from "./TestBackends.ts"

/**
 * Verifies a row; fails when the row does not hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Check = (backends: TestBackends) => Effect.Effect<void, Failure, Scope.Scope>

/**
 * A row of the contract: `check` verifies it, or `reason` says where else it is verified.
 *
 * @category models
 * @since 0.1.0
 */
export type Row =
  | {
    readonly _tag: "Test"
    readonly id: string
    readonly title: string
    readonly requires: ReadonlyArray<Capability>
    readonly check: Check
  }
  | { readonly _tag: "Elsewhere"; readonly id: string; readonly title: string; readonly reason: string }

/**
 * Makes a row that the suite verifies, and the capabilities that its check requires.
 *
 * @category constructors
 * @since 0.1.0
 */
export const test = (id: string, title: string, check: Check, requires: ReadonlyArray<Capability> = []): Row => ({
  _tag: "Test",
  id,
  title,
  requires,
  check
})

/**
 * Makes a row that is verified outside of the suite, with the reason and the place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const elsewhere = (id: string, title: string, reason: string): Row => ({ _tag: "Elsewhere", id, title, reason })
