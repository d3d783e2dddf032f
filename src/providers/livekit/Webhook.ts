/**
 * LiveKit's webhook, which reports participants who join a room.
 *
 * The signature covers the bytes of the body, so it is checked on the raw body, which is limited in size, before parsing.
 * https://docs.livekit.io/home/server/webhooks/
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Redacted from "effect/Redacted"
import type { WebhookEvent } from "livekit-server-sdk"
import type { ProviderRoute } from "../../backend/provider/BackendProvider.ts"
import { AuthenticationFailed, InvalidConfig } from "../../BackendError.ts"
import * as Problem from "../../transport/Problem.ts"
import type { LiveKitServer } from "./LiveKitConfig.ts"
import type { LiveKitPackages } from "./LiveKitPackages.ts"

/**
 * The largest accepted webhook: 64 KiB. LiveKit's contain a room and a participant.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_WEBHOOK_BYTES = 65_536

/**
 * @category models
 * @since 0.1.0
 */
export interface WebhookOptions {
  readonly packages: LiveKitPackages
  readonly server: LiveKitServer
  readonly path: HttpRouter.PathInput
  /** Called with each verified event; must not block. */
  readonly onEvent: (event: WebhookEvent) => void
}

const op = "LiveKitProvider.webhook"

/** Whether the receiver rejected the signature: an error of jose, or one of its own two. It parses the body only after that. */
const isSignatureError = (cause: unknown): boolean =>
  cause instanceof Error &&
  ("code" in cause && String(cause.code).startsWith("ERR_J") ||
    /^authorization header|^sha256 checksum/.test(cause.message))

/**
 * Makes the route. It answers 200 to an event that LiveKit has signed, 401 to an invalid signature, 413 to a body that is too
 * large, and 400 to a malformed one.
 *
 * @category routes
 * @since 0.1.0
 */
export const make = ({ onEvent, packages, path, server }: WebhookOptions): ProviderRoute => {
  const receiver = new packages.sdk.WebhookReceiver(server.apiKey, Redacted.value(server.apiSecret))
  const handle = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const body = yield* request.text.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(MAX_WEBHOOK_BYTES)),
      Effect.result
    )
    if (body._tag === "Failure") {
      return body.failure.reason._tag === "RequestParseError" && body.failure.reason.reason === "BodyTooLarge"
        ? Problem.errorResponse(
          new InvalidConfig({ op, message: `webhook larger than ${MAX_WEBHOOK_BYTES} bytes` }),
          413
        )
        : Problem.errorResponse(new InvalidConfig({ op, message: "the webhook's body was truncated" }))
    }
    const event = yield* Effect.result(Effect.tryPromise({
      try: () => receiver.receive(body.success, request.headers["authorization"]),
      catch: (cause) =>
        isSignatureError(cause)
          ? new AuthenticationFailed({
            op,
            message: "invalid webhook signature: not signed with the configured api_key and api_secret"
          })
          : new InvalidConfig({ op, message: "malformed webhook" })
    }))
    if (event._tag === "Failure") return Problem.errorResponse(event.failure)
    onEvent(event.success)
    return HttpServerResponse.empty({ status: 200 })
  })
  return HttpRouter.route("POST", path, handle)
}
