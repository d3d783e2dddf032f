/**
 * The application's answers to the `client-message`s of a connection.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { ProviderHost } from "../../../backend/provider/BackendProvider.ts"
import { RateLimitExceeded } from "../../../BackendError.ts"
import type { AnswerRequest } from "../../../protocols/rtvi/RtviMessages.ts"

/** Of one connection, at once. */
const MAX_OPEN = 16

/**
 * Makes the answers of a connection, by the id of its session; `undefined` where the application answers nothing. The work on them ends with
 * the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { answerRequest }: Pick<ProviderHost, "answerRequest">
): Effect.fn.Return<(session: string) => AnswerRequest | undefined, never, Scope.Scope> {
  const run = yield* FiberSet.makeRuntime<never>()
  return (session) => {
    if (answerRequest === undefined) return undefined
    let open = 0
    return (type, data, answer) => {
      if (open >= MAX_OPEN) {
        return answer(Result.fail(
          new RateLimitExceeded({
            op: "ClientRequests.answer",
            message: `at most ${MAX_OPEN} requests are answered at once`,
            details: { retryAfterMs: 1_000 }
          })
        ))
      }
      open++
      run(Effect.map(Effect.result(answerRequest(session, type, data)), (result) => {
        open--
        answer(result)
      }))
    }
  }
})
