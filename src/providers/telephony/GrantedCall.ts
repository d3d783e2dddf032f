/**
 * The call of a media stream by its token.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { AuthenticationFailed, AuthorizationFailed, type BackendError, ConnectionFailed } from "../../BackendError.ts"
import type { MediaStart } from "../../protocols/MediaProtocol.ts"
import { SessionElsewhere } from "../SessionElsewhere.ts"
import type { Call, CarrierHost } from "./Call.ts"

const op = "TelephonyProvider.media"

/**
 * The call that a stream's token is good for: that of its session, or the carrier's. A token that names the carrier's call lets only that
 * call's stream in; one of a session alone was made before the carrier had told the call's id. The token is taken: it lets no other
 * stream in.
 *
 * - `accounts`: whose calls are taken, where the stream tells it. Default: everyone's.
 *
 * @category operations
 * @since 0.1.0
 */
export const enter = Effect.fnUntraced(function*(
  { calls, tokens }: Pick<CarrierHost, "calls" | "tokens">,
  carrier: string,
  token: string | undefined,
  start: MediaStart,
  accounts?: ReadonlyArray<string>
): Effect.fn.Return<Call, BackendError, Scope.Scope> {
  const { account, callId } = start
  const { call, session } = yield* tokens.take(token, carrier)
  if (call === undefined ? session === undefined : call !== callId) {
    return yield* new AuthenticationFailed({ op, message: "the token of the media stream is of another call" })
  }
  if (account !== undefined && accounts?.includes(account) === false) {
    return yield* new AuthorizationFailed({ op, message: "calls of this account are not taken" })
  }
  if (session !== undefined) {
    return yield* calls.resume(session).pipe(
      // the stream is open already: it cannot be passed on
      Effect.catchIf(
        (error): error is SessionElsewhere => error instanceof SessionElsewhere,
        () => Effect.fail(new ConnectionFailed({ op, message: "another node has the session of this call" }))
      )
    )
  }
  const { token: _, ...parameters } = start.parameters
  return yield* calls.enter(carrier, {
    id: callId,
    from: start.from,
    to: start.to,
    parameters,
    inputSampleRate: start.input.sampleRate
  })
})
