/**
 * Where clients reach the server.
 *
 * @since 0.1.0
 */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"

/**
 * - `publicUrl`: without a slash at its end. Default: the request's scheme and `Host`.
 * - `prefix`: where the routes are mounted: empty, or a path such as `/voice`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PublicAddress {
  readonly publicUrl: string | undefined
  readonly prefix: string
}

/** Where the request reached us, as the client sees it. */
const originOf = (request: HttpServerRequest.HttpServerRequest): string => {
  const scheme = request.protocol ?? (request.originalUrl.startsWith("https:") ? "https" : "http")
  return `${scheme}://${request.headers["host"] ?? "localhost"}`
}

const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/]*/, "")

/**
 * The URL that the routes are mounted at, as the client of a request sees it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const baseOf = (
  { prefix, publicUrl }: PublicAddress,
  request: HttpServerRequest.HttpServerRequest
): string => `${publicUrl ?? originOf(request)}${prefix}`

/**
 * The path of a session below such a URL, for `Location`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const sessionPath = (base: string, id: string): string => `${pathOf(base)}/v1/sessions/${encodeURIComponent(id)}`
