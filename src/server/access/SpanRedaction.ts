/**
 * Keeps a session's token out of the span of the HTTP request that brought it.
 *
 * Effect's HTTP server writes the URL and the headers to its span when the request ends, with the redacted names of the
 * fiber that began it. A route cannot change those names, and the application's server does not know ours; so the
 * attributes are filtered at the span itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

/** Where a token can be: `?token=`, and the subprotocol of a WebSocket handshake. */
const PARAM = "token"
const HEADER = "sec-websocket-protocol"
const HEADER_ATTRIBUTE = `http.request.header.${HEADER}`

const redacted = (key: string, value: unknown): unknown => {
  if (key === HEADER_ATTRIBUTE) return "<redacted>"
  if (typeof value !== "string") return value
  if (key === "url.full") return UrlParams.redactUrl(value, [PARAM])
  return key === "url.query" ? UrlParams.redactUrl(`?${value}`, [PARAM]).slice(1) : value
}

/** The server's span of the request: spans of an application's middleware may lie between it and the route. */
const serverSpan = (span: Tracer.AnySpan | undefined): Tracer.Span | undefined => {
  if (span?._tag !== "Span") return undefined
  if (span.kind === "server") return span
  return serverSpan(Option.getOrUndefined(span.parent))
}

/**
 * Filters what is written to the server's span of this request from now on.
 *
 * @category tracing
 * @since 0.1.0
 */
export const redactToken = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<void> =>
  Effect.contextWith((context: Context.Context<never>) => {
    if (request.headers[HEADER] === undefined && !request.url.includes("?")) return Effect.void
    const span = serverSpan(Context.getOrUndefined(context, Tracer.ParentSpan))
    if (span === undefined) return Effect.void
    const write = span.attribute.bind(span)
    span.attribute = (key, value) => write(key, redacted(key, value))
    return Effect.void
  })

/**
 * Runs a server with the token among the names that its spans and errors redact.
 *
 * @category tracing
 * @since 0.1.0
 */
export const withRedactedNames = <A, E, R>(server: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  server.pipe(
    Effect.updateService(UrlParams.CurrentRedactedNames, (names) => [...names, PARAM]),
    Effect.updateService(Headers.CurrentRedactedNames, (names) => [...names, HEADER])
  )
