/**
 * What the routes of providers read from a request: query, token, peer.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Option from "effect/Option"
import { CurrentPeer, type Peer } from "../backend/provider/BackendProvider.ts"

const TOKEN_PROTOCOL = "token."

/**
 * The query of a request; never throws.
 *
 * @category accessors
 * @since 0.1.0
 */
export const queryOf = (request: Pick<HttpServerRequest.HttpServerRequest, "url">): URLSearchParams => {
  const start = request.url.indexOf("?")
  return new URLSearchParams(start === -1 ? "" : request.url.slice(start + 1))
}

/**
 * The bearer of a request: `Authorization: Bearer`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const bearerOf = ({ headers }: Pick<HttpServerRequest.HttpServerRequest, "headers">): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1]

/**
 * The session token: a subprotocol `token.<token>` (the only header that a browser's WebSocket can set),
 * `Authorization: Bearer`, or `?token=`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tokenOf = (
  request: Pick<HttpServerRequest.HttpServerRequest, "headers" | "url">
): string | undefined => {
  const offered = request.headers["sec-websocket-protocol"]?.split(",").map((each) => each.trim())
    .find((each) => each.startsWith(TOKEN_PROTOCOL))
  if (offered !== undefined) return offered.slice(TOKEN_PROTOCOL.length)
  return bearerOf(request) ?? queryOf(request).get("token") ?? undefined
}

/**
 * The peer of a request: what the server found out behind its proxies, or else the other end of the socket.
 *
 * @category accessors
 * @since 0.1.0
 */
export const peerOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Peer> =>
  Effect.map(CurrentPeer, ({ address }) => ({ address: address ?? Option.getOrUndefined(request.remoteAddress) }))
