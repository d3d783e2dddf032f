/**
 * Maps a bot's failures to errors: the HTTP status of a rejected request, and the code of a closed socket.
 *
 * @since 0.1.0
 */
import {
  AuthenticationFailed,
  type BackendError,
  ConnectionFailed,
  RateLimitExceeded,
  SessionLimitExceeded
} from "../../BackendError.ts"
import * as VendorError from "../../wire/VendorError.ts"

const vendor = "pipecat"

/**
 * The headers of a response, with names in lower case.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseHeaders {
  readonly [name: string]: string | ReadonlyArray<string> | undefined
}

const textOf = (value: ResponseHeaders[string]): string | undefined =>
  typeof value === "string" && value.length <= 256 ? value : undefined

/**
 * Maps a response to a WebSocket handshake or to a start request that is not a success.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStatus = (op: string, status: number, headers: ResponseHeaders): BackendError => {
  const response = {
    op,
    status,
    retryAfter: textOf(headers["retry-after"]),
    requestId: textOf(headers["x-request-id"])
  }
  const error = VendorError.fromStatus(vendor, response)
  // Pipecat's servers respond with 429 when all bots are in use
  return status === 429
    ? new RateLimitExceeded({ op, message: "no Pipecat bot available (429)", details: error.details ?? { vendor } })
    : error
}

/**
 * Maps a closed socket; `ready` when the bot had sent `bot-ready` before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromClose = (op: string, code: number, ready: boolean): BackendError => {
  const details = { vendor, closeCode: code }
  switch (code) {
    case 1013:
      return new SessionLimitExceeded({
        op,
        message: "the Pipecat bot already has a client",
        details: { ...details, reason: "busy" }
      })
    case 4003:
      return new AuthenticationFailed({ op, message: "the Pipecat bot rejected the token or the origin", details })
    default:
      return new ConnectionFailed({
        op,
        message: ready
          ? `the connection to the Pipecat bot was lost (${code})`
          : `the Pipecat bot closed the connection (${code}) before it was ready: check that it uses protobuf frames and RTVI`,
        details
      })
  }
}

/**
 * Maps a failure to connect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreachable = (op: string, cause: Error): ConnectionFailed => {
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "no connection"
  // without the message of the cause, which may contain the URL with a token
  return new ConnectionFailed({ op, message: `cannot reach the Pipecat bot: ${code}`, details: { vendor } })
}
