/**
 * Refusals over HTTP in the form of OpenAI's API: `{"error": {"message", "type", "code", "param"}}`.
 *
 * @since 0.1.0
 */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type BackendError, retryAfterSeconds, toProblemJson } from "../../../BackendError.ts"

/** The codes that OpenAI's clients know, where one fits. */
const codes: { readonly [code in BackendError["code"]]?: string } = {
  authentication_failed: "invalid_api_key",
  invalid_config: "invalid_value"
}

const typeOf = (status: number): string => {
  if (status >= 500) return "server_error"
  return status === 429 ? "rate_limit_error" : "invalid_request_error"
}

/** What is wrong with a request is told more precisely than by `invalid_config`, where it is known. */
const codeOf = (
  code: BackendError["code"],
  details: { readonly [name: string]: unknown } | undefined
): string => {
  const reason = details?.["reason"]
  return code === "invalid_config" && typeof reason === "string" ? reason : codes[code] ?? code
}

const paramOf = (details: { readonly [name: string]: unknown } | undefined): string | null => {
  const path = details?.["path"]
  return typeof path === "string" ? path : null
}

/**
 * The answer to a request that is refused, with `Retry-After` where waiting helps. `status`: where HTTP knows a better one (413, 415, 426).
 *
 * @category conversions
 * @since 0.1.0
 */
export const toResponse = (error: BackendError, status?: number): HttpServerResponse.HttpServerResponse => {
  const problem = toProblemJson(error)
  const given = status ?? problem.status
  const seconds = retryAfterSeconds(error)
  return HttpServerResponse.jsonUnsafe({
    error: {
      message: problem.detail,
      type: typeOf(given),
      code: codeOf(error.code, problem.details),
      param: paramOf(problem.details)
    }
  }, {
    status: given,
    headers: {
      "cache-control": "no-store",
      ...(seconds === undefined ? {} : { "retry-after": String(seconds) }),
      ...(given === 401 ? { "www-authenticate": "Bearer realm=\"effect-voice\"" } : {}),
      // the rest of the body is not read
      ...(given === 413 ? { connection: "close" } : {}),
      ...(given === 426 ? { upgrade: "websocket" } : {})
    }
  })
}
