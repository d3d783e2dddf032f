/**
 * The target of a request that goes on to another node or cell.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"

/**
 * The method and target of a request as its first line says them.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lineOf = (
  { method, originalUrl }: Pick<HttpServerRequest.HttpServerRequest, "method" | "originalUrl">
): { readonly method: string; readonly url: string } => ({
  method,
  url: originalUrl.replace(/^https?:\/\/[^/]*/, "")
})

/**
 * The part of a session's URL that is the same on every node, whatever the path that its routes are mounted at:
 * `/v1/sessions/{id}/audio?input_rate=8000`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tailOf = (url: string): string => /\/v1\/sessions\/[^/?#]+(?:\/[^/?#]+)?(?:\?.*)?$/s.exec(url)?.[0] ?? url

/**
 * The id of the session in a URL, as the router reads it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const idOf = (url: string): string =>
  decodeURIComponent(/\/v1\/sessions\/([^/?#]+)/.exec(tailOf(url))?.[1] ?? "")

/**
 * The same URL without a token in its query: it goes into an answer, and may be logged.
 *
 * @category conversions
 * @since 0.1.0
 */
export const withoutToken = (url: string): string => {
  const at = url.indexOf("?")
  if (at === -1) return url
  const params = new URLSearchParams(url.slice(at + 1))
  params.delete("token")
  return params.size === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${params}`
}
