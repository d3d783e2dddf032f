/**
 * One line of the contract, and the test that shows it.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Failure } from "./Assertions.ts"
import type { Need } from "./Harness.ts"
import type { TestBackends } from "./TestBackends.ts"

/**
 * What the test of a line does; it fails where the line does not hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Act = (stage: TestBackends) => Effect.Effect<void, Failure, Scope.Scope>

/**
 * A line of the contract: `act` shows that it holds, or `later` says where and when that is shown.
 *
 * @category models
 * @since 0.1.0
 */
export type Row =
  | {
    readonly _tag: "Test"
    readonly id: string
    readonly says: string
    readonly needs: ReadonlyArray<Need>
    readonly act: Act
  }
  | { readonly _tag: "Later"; readonly id: string; readonly says: string; readonly reason: string }

/**
 * @category constructors
 * @since 0.1.0
 */
export const test = (id: string, says: string, act: Act, needs: ReadonlyArray<Need> = []): Row => ({
  _tag: "Test",
  id,
  says,
  needs,
  act
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const later = (id: string, says: string, reason: string): Row => ({ _tag: "Later", id, says, reason })
