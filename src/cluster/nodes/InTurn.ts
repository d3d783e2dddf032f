/**
 * Several nodes are tried for what any of them can do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import { isFull, isGone } from "./Nodes.ts"

/**
 * Tries nodes, one after the other, until one of them succeeds. The next is tried where one is full or does not answer. Every other
 * failure is that of the whole: it would be the same elsewhere. When all have refused, it fails with the first refusal of a node
 * that answered. `nobody` runs where there is no node to try.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inTurn = Effect.fnUntraced(function*<A>(
  owners: ReadonlyArray<string>,
  attempt: (owner: string) => Effect.Effect<A, BackendError>,
  nobody: Effect.Effect<A, BackendError>
): Effect.fn.Return<A, BackendError> {
  let refusal: BackendError | undefined
  for (const owner of owners) {
    const outcome = yield* Effect.result(attempt(owner))
    if (outcome._tag === "Success") return outcome.success
    const { failure } = outcome
    if (!isFull(failure) && !isGone(failure)) return yield* failure
    if (refusal === undefined || isGone(refusal)) refusal = failure
  }
  return yield* refusal ?? nobody
})
