/**
 * What goes wrong with a bot, as errors of ours: by the HTTP status of a refusal, and by the code of a close.
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

const vendor = "pipecat"

/**
 * The headers of an answer, by their names in lower case.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnswerHeaders {
  readonly [name: string]: string | ReadonlyArray<string> | undefined
}

const textOf = (value: AnswerHeaders[string]): string | undefined =>
  typeof value === "string" && value.length <= 256 ? value : undefined

/**
 * An answer to a handshake or to a start that is no success.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofStatus = (op: string, status: number, headers: AnswerHeaders): BackendError => {
  const retryAfter = textOf(headers["retry-after"]) ?? ""
  const requestId = textOf(headers["x-request-id"])
  const details = {
    vendor,
    status,
    ...(requestId === undefined ? {} : { requestId }),
    ...(/^\d{1,5}$/.test(retryAfter) ? { retryAfterMs: Number(retryAfter) * 1_000 } : {})
  }
  switch (status) {
    case 401:
    case 403:
      return new AuthenticationFailed({
        op,
        message: `the bot refuses us with ${status}: check its key or token`,
        details
      })
    case 429:
      return new RateLimitExceeded({ op, message: "Pipecat has no bot to spare now", details })
    default:
      return new ConnectionFailed({ op, message: `the bot's server answered ${status}`, details })
  }
}

/**
 * A close before or during the conversation; `ready` when the bot had said that it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofClose = (op: string, code: number, ready: boolean): BackendError => {
  const details = { vendor, closeCode: code }
  switch (code) {
    case 1013:
      return new SessionLimitExceeded({
        op,
        message: "the bot has a client already",
        details: { ...details, reason: "busy" }
      })
    case 4003:
      return new AuthenticationFailed({ op, message: "the bot refuses our token or origin", details })
    default:
      return new ConnectionFailed({
        op,
        message: ready
          ? `the connection to the bot was lost (${code})`
          : `the bot closed the connection (${code}) before it was ready: does it speak protobuf frames and RTVI?`,
        details
      })
  }
}

/**
 * There is no connection at all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreachable = (op: string, cause: Error): ConnectionFailed => {
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "no connection"
  // the cause's own text may hold the URL, and that a token
  return new ConnectionFailed({ op, message: `the bot cannot be reached: ${code}`, details: { vendor } })
}
