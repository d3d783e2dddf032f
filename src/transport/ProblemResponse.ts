/**
 * How the routes of providers answer a failure: problem JSON (RFC 9457).
 *
 * @since 0.1.0
 */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type BackendError, retryAfterSeconds, toProblemJson } from "../BackendError.ts"

/**
 * The problem JSON of an error; `status` replaces the one of its code where HTTP knows a better one (413, 415, 426).
 *
 * @category conversions
 * @since 0.1.0
 */
export const problem = (error: BackendError, status?: number): HttpServerResponse.HttpServerResponse => {
  const body = toProblemJson(error)
  const code = status ?? body.status
  const seconds = retryAfterSeconds(error)
  return HttpServerResponse.jsonUnsafe({ ...body, status: code }, {
    status: code,
    contentType: "application/problem+json",
    headers: {
      "cache-control": "no-store",
      ...(code === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(code === 426 ? { "upgrade": "websocket" } : {}),
      ...(seconds === undefined ? {} : { "retry-after": String(seconds) })
    }
  })
}
