/**
 * The failures of an MCP server in words: for the log and health without what a server or a library says, for the model with it.
 *
 * @since 0.1.0
 */
import type { McpClientError } from "effect/ai/McpClientError"
import * as Duration from "effect/Duration"
import { ConnectionFailed } from "../../BackendError.ts"
import * as VendorError from "../../wire/VendorError.ts"
import { TOO_LONG } from "./McpLines.ts"
import * as McpResult from "./McpResult.ts"

/**
 * Whether a server refused the revision of the protocol, so that another may be tried.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAboutRevision = ({ reason }: McpClientError): boolean =>
  reason._tag === "UnsupportedError" || reason._tag === "ProtocolError" ||
  (reason._tag === "HttpError" && (reason.status === 400 || reason.code !== undefined))

/**
 * Whether the connection may be gone, and not only this call.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isLoss = ({ reason }: McpClientError): boolean =>
  reason._tag === "TransportError" || reason._tag === "ClosedError" || reason._tag === "LimitError" ||
  (reason._tag === "HttpError" && (reason.status >= 500 || reason.status === 404 || reason.status === 401))

/** Never a text of the HTTP client, which may hold the URL. */
const why = ({ reason }: McpClientError): string => {
  switch (reason._tag) {
    case "HttpError":
      return reason.status >= 300 && reason.status <= 399
        ? `status ${reason.status}: redirects are not followed, so write the URL that it redirects to`
        : `status ${reason.status}`
    case "TimeoutError":
      return `its ${reason.operation === "initialization" ? "connect" : "listing of tools"} timed out`
    case "ProtocolError":
      return reason.code === undefined ? reason.description ?? "a malformed message" : `error ${reason.code}`
    case "ValidationError":
      return "a malformed message"
    case "TransportError":
      return reason.description ?? "the connection failed"
    case "ClosedError":
      return reason.sessionExpired === true ? "its session has expired" : "the connection was closed"
    default:
      return reason.message
  }
}

/**
 * The error of a server that is lost.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lost = (name: string, why: string, cause?: unknown): ConnectionFailed =>
  new ConnectionFailed({
    op: "Mcp.connect",
    message: `MCP server ${name} cannot be used: ${why}`,
    details: { part: `mcp:${name}` },
    ...(cause === undefined ? {} : { cause })
  })

/**
 * Converts the failure of a connect or a list.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toError = (name: string, error: McpClientError): ConnectionFailed => {
  const { reason } = error
  const failed = lost(name, why(error))
  const retryAfterMs = reason._tag === "HttpError"
    ? VendorError.retryAfterMs({ "retry-after": reason.retryAfter })
    : undefined
  return retryAfterMs === undefined ? failed : new ConnectionFailed({
    op: failed.op,
    message: failed.message,
    details: { ...failed.details, retryAfterMs: Math.min(retryAfterMs, 600_000) }
  })
}

/**
 * What a model reads of a call that failed.
 *
 * @category conversions
 * @since 0.1.0
 */
export const forModel = ({ reason }: McpClientError, timeout: Duration.Duration): string => {
  switch (reason._tag) {
    case "TimeoutError":
      return `it did not answer within ${Duration.format(timeout)}; it may or may not have taken effect`
    case "ProtocolError":
      if (reason.code === TOO_LONG) return "its result is too long"
      // the server's own words, such as an input that does not fit
      return reason.code === undefined
        ? "its server sent a malformed message"
        : McpResult.words(reason.description ?? "")
    case "HttpError":
      return `its server refused the call with status ${reason.status}`
    case "LimitError":
      return "its result is too long"
    case "ValidationError":
    case "UnsupportedError":
      return "its server sent a malformed message"
    default:
      return "the connection to its server was lost; it may or may not have taken effect"
  }
}
