/**
 * HTTP requests without the client's own span, which would hold the URL and send our trace id to the vendor.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"

/**
 * Runs requests whose span is made by `VendorSpan`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const untraced: <A, E, R>(request: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.provideService(
  HttpClient.TracerDisabledWhen,
  () => true
)
