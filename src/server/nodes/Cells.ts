/**
 * Requests for sessions of other cells: they are sent on to the cell that the session's id names, and nothing is looked up.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { IncomingMessage } from "node:http"
import * as SessionId from "../../backend/sessions/SessionId.ts"
import { SessionNotFound } from "../../BackendError.ts"
import * as Problem from "../../transport/Problem.ts"
import type * as RouteCollector from "../RouteCollector.ts"
import * as MovedSocket from "./MovedSocket.ts"
import * as RequestTarget from "./RequestTarget.ts"

/**
 * - `cell`: the name of this server's cell.
 * - `cells`: the base URLs of the others, by name.
 *
 * @category models
 * @since 0.1.0
 */
export interface CellNames {
  readonly cell?: string | undefined
  readonly cells?: { readonly [name: string]: string } | undefined
}

/**
 * The cell of a session: this one, another with its base URL, or one that is not known.
 *
 * @category models
 * @since 0.1.0
 */
export type CellPlace =
  | { readonly _tag: "Own" }
  | { readonly _tag: "Other"; readonly url: string }
  | { readonly _tag: "Unknown" }

/**
 * The cell of an id. Ids without a cell are this server's.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = ({ cell, cells = {} }: CellNames, id: string): CellPlace => {
  const named = SessionId.cellOf(id)
  if (named === undefined || named === cell) return { _tag: "Own" }
  const url = Object.hasOwn(cells, named) ? cells[named] : undefined
  return url === undefined ? { _tag: "Unknown" } : { _tag: "Other", url }
}

const unknownCell = () =>
  Problem.errorResponse(new SessionNotFound({ op: "http", message: "no session has this id: its cell is not known" }))

const wrongCell = (url: string) => ({
  ...Problem.make("wrong_cell", `the session is in another cell: connect to ${url}`),
  details: { url }
})

/** `fetch` sends a request again by itself that is answered with 421. */
const FETCHED = 409

/**
 * A browser that is redirected to another origin leaves the token out, and comes from the origin `null` where the page is from a
 * third one: a client that connects to a session is told in a problem, if it takes one.
 */
const takesProblem = ({ headers, method }: HttpServerRequest.HttpServerRequest, url: string): boolean =>
  (headers["accept"]?.includes("application/problem+json") ?? false) &&
  (method === "POST" ? /\/offer(?:\?|$)/ : /\/audio(?:\?|$)/).test(url)

/** A WebSocket's client that does not follow is told where; a redirect would be followed without its token, or not at all. */
const send = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, base: string) {
  const url = `${base}${RequestTarget.withoutToken(RequestTarget.tailOf(RequestTarget.lineOf(request).url))}`
  const { source } = request
  if (request.headers["upgrade"] === undefined || !(source instanceof IncomingMessage)) {
    return takesProblem(request, url)
      ? Problem.toResponse({ ...wrongCell(url), status: FETCHED })
      : HttpServerResponse.empty({ status: 307, headers: { location: url, "cache-control": "no-store" } })
  }
  const socketUrl = url.replace(/^http/, "ws")
  if (!MovedSocket.isOffered(request.headers["sec-websocket-protocol"])) return Problem.toResponse(wrongCell(socketUrl))
  yield* MovedSocket.send(source, socketUrl)
  return HttpServerResponse.empty()
})

/**
 * Sends the requests of a session's route on to the session's cell.
 *
 * @category combinators
 * @since 0.1.0
 */
export const around = (names: CellNames) => (route: RouteCollector.Route): RouteCollector.Route => {
  if ((names.cell === undefined && names.cells === undefined) || !route.path.startsWith("/v1/sessions/:id")) {
    return route
  }
  const handle = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const { id = "" } = yield* HttpRouter.params
    const place = find(names, id)
    if (place._tag === "Own") return yield* route.handler
    return place._tag === "Unknown"
      ? unknownCell()
      : yield* send(request, place.url.replace(/\/+$/, ""))
  })
  return { ...route, handler: HttpRouter.route(route.method, route.path, handle).handler }
}
