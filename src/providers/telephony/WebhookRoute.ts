/**
 * The route of a carrier's webhook: its body is read once, bounded, for signatures cover its bytes.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { ProviderRoute } from "../../backend/provider/BackendProvider.ts"
import { AuthenticationFailed, type BackendError, InvalidConfig } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as Problem from "../../transport/Problem.ts"
import { queryOf } from "../RouteRequest.ts"
import type { Replays } from "./Replays.ts"

/**
 * The largest accepted webhook: 64 KiB. Carriers' have a call, and what became of it.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_WEBHOOK_BYTES = 65_536

const op = "TelephonyProvider.webhook"

/**
 * A webhook as it came.
 *
 * - `path`: with its query, as the carrier has asked for it below the public URL.
 *
 * @category models
 * @since 0.1.0
 */
export interface Webhook {
  readonly request: HttpServerRequest.HttpServerRequest
  readonly method: "GET" | "POST"
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Uint8Array
}

const decoder = new TextDecoder()

/**
 * The text of a webhook's body.
 *
 * @category accessors
 * @since 0.1.0
 */
export const textOf = ({ body }: Webhook): string => decoder.decode(body)

/**
 * Lets a signed webhook in once; `id` is what makes it the only one of its kind.
 *
 * @category guards
 * @since 0.1.0
 */
export const once = (replays: Replays, id: string): Effect.Effect<void, AuthenticationFailed> =>
  Effect.flatMap(Clock.Clock, (clock) =>
    replays.accepts(id, MonotonicTime.nowMs(clock))
      ? Effect.void
      : Effect.fail(new AuthenticationFailed({ op, message: "the webhook was accepted before" })))

const read = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
  const body = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(MAX_WEBHOOK_BYTES)),
    Effect.mapError(() =>
      new InvalidConfig({ op, message: `the webhook is larger than ${MAX_WEBHOOK_BYTES} bytes, or was cut short` })
    )
  )
  return new Uint8Array(body)
})

/**
 * Makes the route. A failure is answered with its problem JSON.
 *
 * @category routes
 * @since 0.1.0
 */
export const make = (
  method: "GET" | "POST",
  path: `/${string}`,
  handle: (webhook: Webhook) => Effect.Effect<HttpServerResponse.HttpServerResponse, BackendError>
): ProviderRoute =>
  HttpRouter.route(method, path, (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const body = method === "GET" ? new Uint8Array(0) : yield* read(request)
      return yield* handle({ request, method, path: request.url, query: queryOf(request), body })
    }).pipe(Effect.catch((error: BackendError) => Effect.succeed(Problem.errorResponse(error)))))
