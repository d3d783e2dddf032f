/**
 * Failures as problem JSON (RFC 9457) with a `code`: the only module that writes `application/problem+json`.
 *
 * The contract's errors keep their code. What only HTTP knows (an unknown route, a wrong method, an oversize body) has a
 * code of its own.
 *
 * @since 0.1.0
 */
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as ProblemDetails from "effect/http/ProblemDetails"
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
  "wrong_cell",
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
 * The fields of a problem, without its code.
 *
 * @category models
 * @since 0.1.0
 */
export const fields = {
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  op: Schema.optionalKey(Schema.String),
  retryable: Schema.Boolean,
  details: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
}

/**
 * The body of every failed request.
 *
 * @category models
 * @since 0.1.0
 */
export const Problem = Schema.Struct({
  ...fields,
  code: Schema.Union([BackendErrorCode, HttpProblemCode])
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
export const contentType = ProblemDetails.contentType

const statuses: { readonly [Code in HttpProblemCode]: number } = {
  route_not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  unsupported_media_type: 415,
  malformed_request: 400,
  wrong_cell: 421,
  headers_too_large: 431,
  request_timeout: 408,
  expectation_failed: 417,
  too_many_connections: 503,
  internal_error: 500
}

/**
 * Makes a problem that only HTTP has.
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
 * Makes the problem of one of the contract's errors. `status` replaces the status of its code where HTTP knows a better one
 * (413, 415, 426).
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromError = (error: BackendError, status?: number): Problem => {
  const problem = toProblemJson(error)
  return status === undefined ? problem : { ...problem, status }
}

const isJson = (value: unknown): boolean => {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

/** Drops details that JSON cannot hold (a cycle, a bigint): they come from hooks and vendors. */
const serializable = (problem: Problem): Problem => {
  if (isJson(problem.details)) return problem
  const { details: _, ...rest } = problem
  return rest
}

const headersOf = ({ status }: Problem): { readonly [name: string]: string } => ({
  "cache-control": "no-store",
  ...(status === 401 ? { "www-authenticate": "Bearer realm=\"effect-voice\"" } : {}),
  // The rest of the body is not read.
  ...(status === 413 ? { "connection": "close" } : {}),
  ...(status === 426 ? { "upgrade": "websocket" } : {})
})

/**
 * Turns a problem into a response, with the challenge of a 401, the `upgrade` of a 426, and the headers that are given.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toResponse = (
  problem: Problem,
  headers: { readonly [name: string]: string } = {}
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(ProblemDetails.toResponse({ ...serializable(problem) }), {
    ...headersOf(problem),
    ...headers
  })

/**
 * Turns one of the contract's errors into a response, with `Retry-After` where waiting helps.
 *
 * @category conversions
 * @since 0.1.0
 */
export const errorResponse = (error: BackendError, status?: number): HttpServerResponse.HttpServerResponse => {
  const seconds = retryAfterSeconds(error)
  return toResponse(fromError(error, status), seconds === undefined ? {} : { "retry-after": String(seconds) })
}

/**
 * Turns a problem into the bytes of a whole response, for a socket that belongs to no request; the socket ends with it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toBytes = (problem: Problem, headers: { readonly [name: string]: string } = {}): string => {
  const body = JSON.stringify(serializable(problem))
  const all = {
    connection: "close",
    "content-type": contentType,
    ...headers,
    "content-length": String(Buffer.byteLength(body))
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join("")}\r\n${body}`
}
