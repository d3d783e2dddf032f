/**
 * A user's WebRTC peer, from its offer to its end: it takes one of the session's connections, and is attached once media can flow.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Peer } from "../backend/provider/BackendProvider.ts"
import type { BackendError } from "../BackendError.ts"
import type { AcceptedPeer, AcceptOptions, WebRtc } from "../transport/webrtc/WebRtcConnection.ts"
import type { Link } from "./SessionLinks.ts"

/**
 * Answers an offer for a session. The peer outlives the request: it belongs to the session. Fails like `Link.enter` and `WebRtc.accept`.
 *
 * - `ended`: is run when the peer is closed. Default: nothing.
 *
 * @category operations
 * @since 0.1.0
 */
export const accept = Effect.fnUntraced(function*({ ended = Effect.void, from, link, offer, options, webRtc }: {
  readonly link: Link
  readonly webRtc: WebRtc
  readonly offer: string
  readonly from: Peer
  readonly options?: AcceptOptions | undefined
  readonly ended?: Effect.Effect<void> | undefined
}): Effect.fn.Return<AcceptedPeer, BackendError> {
  const scope = yield* Scope.fork(link.scope)
  const accepted = yield* Effect.andThen(link.enter(from), webRtc.accept(offer, options)).pipe(
    Scope.provide(scope),
    Effect.onExit((exit) => Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void)
  )
  yield* accepted.opened.pipe(
    Effect.andThen(link.attach(accepted.connection)),
    Effect.andThen(accepted.closed),
    Effect.ignore,
    Scope.provide(scope),
    Effect.ensuring(Effect.andThen(Scope.close(scope, Exit.void), ended)),
    Effect.forkIn(link.scope)
  )
  return accepted
})
