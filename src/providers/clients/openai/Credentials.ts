/**
 * What a request to the Realtime API brings: a key, a client secret, or a user's token.
 *
 * @since 0.1.0
 */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"

/**
 * The subprotocol of OpenAI's clients; the only one that is selected.
 *
 * @category constants
 * @since 0.1.0
 */
export const SUBPROTOCOL = "realtime"

const KEY_PROTOCOL = "openai-insecure-api-key."
/** The header by which a caller with a key names the user, as a stable id. */
const USER_HEADER = "openai-safety-identifier"
const MAX_USER_ID = 256

/**
 * The bearer of a request: `Authorization: Bearer`, or the subprotocol `openai-insecure-api-key.<key>`, the only header that a page can set
 * for a WebSocket.
 *
 * @category accessors
 * @since 0.1.0
 */
export const bearerOf = ({ headers }: Pick<HttpServerRequest.HttpServerRequest, "headers">): string | undefined =>
  /^Bearer +(\S+)$/i.exec(headers["authorization"] ?? "")?.[1] ??
    headers["sec-websocket-protocol"]?.split(",").map((each) => each.trim())
      .find((each) => each.startsWith(KEY_PROTOCOL))?.slice(KEY_PROTOCOL.length)

/**
 * Whom a caller with a key speaks for: `OpenAI-Safety-Identifier`, or `anonymous`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const userOf = ({ headers }: Pick<HttpServerRequest.HttpServerRequest, "headers">): string =>
  headers[USER_HEADER]?.trim().slice(0, MAX_USER_ID) || "anonymous"
