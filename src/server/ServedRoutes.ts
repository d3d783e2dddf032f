/**
 * Mounted routes as one HTTP app, with an answer to everything else, and what is kept out of the spans of its requests.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as SpanRedaction from "./access/SpanRedaction.ts"
import * as GuardedRoute from "./GuardedRoute.ts"
import type * as Routes from "./Routes.ts"

/** A larger WebSocket message, text or binary, closes the socket with 1009: 64 KiB. */
export const MAX_FRAME_BYTES = 65_536

/**
 * Makes the app of routes that a server has to itself. Layers are shared within a build, and two of them must not share a
 * router.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(mounted: Routes.Mounted) {
  const app = yield* HttpRouter.toHttpEffect(HttpRouter.addAll(mounted.routes)).pipe(
    Effect.provideServiceEffect(Layer.CurrentMemoMap, Layer.makeMemoMap)
  )
  return Effect.catchReason(
    app,
    "HttpServerError",
    "RouteNotFound",
    ({ request }) => Effect.as(GuardedRoute.closeLater(request), mounted.fallback(request))
  )
})

/** Load balancers, Prometheus and other nodes ask every few seconds or more often: a span of each request would bury the rest. */
const isProbe = (prefix: string) => ({ url }: HttpServerRequest.HttpServerRequest): boolean =>
  url.startsWith(prefix) && /^\/(?:metrics|health\/\w+|internal\/\w+)(?:$|[?#])/.test(url.slice(prefix.length))

/**
 * Runs what serves the routes without spans of probes, and with the session's token redacted in the spans of the others.
 *
 * @category tracing
 * @since 0.1.0
 */
export const withSpans = (prefix: string) => <A, E, R>(server: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  server.pipe(
    SpanRedaction.withRedactedNames,
    Effect.provideService(HttpMiddleware.TracerDisabledWhen, isProbe(prefix))
  )
