/**
 * The other nodes of a cluster, as the routes of a provider see them: a request for a session that another node has is passed
 * on to it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { BackendError } from "../../BackendError.ts"
import type { SessionPlace } from "../BackendContract.ts"

/**
 * A session that another node has.
 *
 * @category models
 * @since 0.1.0
 */
export type Elsewhere = Extract<SessionPlace, { readonly _tag: "There" }>

/**
 * @category models
 * @since 0.1.0
 */
export interface OtherNodes {
  /**
   * Finds out whether another node has the session; to be asked once the request's token is verified, since it may ask the
   * session store. Fails `connection_failed` for a request that another node has passed on: it goes no further.
   */
  readonly find: (id: string) => Effect.Effect<Elsewhere | undefined, BackendError>
  /**
   * Passes a request on to the node, and gives its answer. An upgraded socket is spliced with the node's: the effect then
   * lasts as long as both, and the answer is not written.
   */
  readonly pass: (
    request: HttpServerRequest.HttpServerRequest,
    place: Elsewhere
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, BackendError>
}

/**
 * The other nodes, for the current request. Default: there are none.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentOtherNodes = Context.Reference<OtherNodes | undefined>("effect-voice/backend/CurrentOtherNodes", {
  defaultValue: () => undefined
})
