/**
 * A session that another node of the cluster has: what the routes of providers do with a request for one.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { CurrentOtherNodes, type Elsewhere, type OtherNodes } from "../backend/provider/OtherNodes.ts"
import type { BackendError } from "../BackendError.ts"

/**
 * Another node has the session of a request whose token is right.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionElsewhere extends Data.TaggedError("SessionElsewhere")<{
  readonly nodes: OtherNodes
  readonly place: Elsewhere
}> {}

/**
 * Fails when another node has the session.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (id: string): Effect.Effect<void, SessionElsewhere | BackendError> =>
  Effect.flatMap(CurrentOtherNodes, (nodes) =>
    nodes === undefined
      ? Effect.void
      : Effect.flatMap(nodes.find(id), (place) =>
        place === undefined ? Effect.void : Effect.fail(new SessionElsewhere({ nodes, place }))))

/**
 * Passes the request of a route on to the node that has its session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const pass = (request: HttpServerRequest.HttpServerRequest) =>
<E, R>(
  self: Effect.Effect<HttpServerResponse.HttpServerResponse, E | SessionElsewhere, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, Exclude<E, SessionElsewhere> | BackendError, R> =>
  Effect.catch(self, (error): Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    Exclude<E, SessionElsewhere> | BackendError
  > =>
    error instanceof SessionElsewhere
      ? error.nodes.pass(request, error.place)
      : Effect.fail(error as Exclude<E, SessionElsewhere>))
