/**
 * What the HTTP API answers when it can't do what it was asked: problem JSON (RFC 9457) with a `code`, always.
 *
 * The contract's errors keep their code; what only HTTP knows (an unknown route, a wrong method, an oversize body) has a
 * code of its own.
 *
 * @since 0.1.0
 */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Schema from "effect/Schema"
import { type BackendError, BackendErrorCode, retryAfterSeconds, toProblemJson } from "../BackendError.ts"

/**
 * The codes of problems that only HTTP has.
 *
 * @category models
 * @since 0.1.0
 */
export const HttpProblemCode = Schema.Literals([
  "route_not_found",
  "method_not_allowed",
  "payload_too_large",
  "unsupported_media_type",
  "malformed_request",
  "headers_too_large",
  "request_timeout",
  "expectation_failed",
  "too_many_connections",
  "internal_error"
])

/**
 * @category models
 * @since 0.1.0
 */
export type HttpProblemCode = typeof HttpProblemCode.Type

/**
 * The body of every failure.
 *
 * @category models
 * @since 0.1.0
 */
export const Problem = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  code: Schema.Union([BackendErrorCode, HttpProblemCode]),
  op: Schema.optionalKey(Schema.String),
  retryable: Schema.Boolean,
  details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
}).annotate({ identifier: "Problem" })

/**
 * @category models
 * @since 0.1.0
 */
export type Problem = typeof Problem.Type

/**
 * The media type of a problem.
 *
 * @category constants
 * @since 0.1.0
 */
export const contentType = "application/problem+json"

const retryAfter = (error: BackendError): { readonly [header: string]: string } => {
  const seconds = retryAfterSeconds(error)
  return seconds === undefined ? {} : { "retry-after": String(seconds) }
}

/** Details may come from anywhere; what JSON can't say is left out. */
const json = (problem: Problem, headers: { readonly [header: string]: string }) => {
  try {
    return HttpServerResponse.text(JSON.stringify(problem), { status: problem.status, contentType, headers })
  } catch {
    const { details: _, ...rest } = problem
    return HttpServerResponse.text(JSON.stringify(rest), { status: problem.status, contentType, headers })
  }
}

/**
 * The response for one of the contract's errors; with `Retry-After` where waiting helps, and a challenge where a key is
 * missing.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromError = (error: BackendError): HttpServerResponse.HttpServerResponse =>
  json(toProblemJson(error), {
    ...retryAfter(error),
    ...(error.code === "authentication_failed" ? { "www-authenticate": "Bearer realm=\"effect-voice\"" } : {})
  })

const statuses: { readonly [Code in HttpProblemCode]: number } = {
  route_not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  unsupported_media_type: 415,
  malformed_request: 400,
  headers_too_large: 431,
  request_timeout: 408,
  expectation_failed: 417,
  too_many_connections: 503,
  internal_error: 500
}

/**
 * A problem that only HTTP has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (code: HttpProblemCode, detail: string): Problem => ({
  type: `urn:effect-voice:problem:${code}`,
  title: code.replaceAll("_", " "),
  status: statuses[code],
  detail,
  code,
  retryable: code === "request_timeout" || code === "too_many_connections"
})

/**
 * The response for a problem that only HTTP has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const http = (
  code: HttpProblemCode,
  detail: string,
  headers: { readonly [header: string]: string } = {}
): HttpServerResponse.HttpServerResponse => json(make(code, detail), headers)
