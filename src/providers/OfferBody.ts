/**
 * The offer that a request brings as its body, `application/sdp`, to a route that opens a WebRTC peer.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import { InvalidConfig } from "../BackendError.ts"
import * as Sdp from "../transport/webrtc/Sdp.ts"

/**
 * A request that brings none; `status`: of the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly error: InvalidConfig
  readonly status: 400 | 413 | 415
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (op: string, message: string, status: Refusal["status"] = 400): Refusal => ({
  error: new InvalidConfig({ op, message }),
  status
})

/**
 * Whether the body is said to be an offer.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isOffer = ({ headers }: Pick<HttpServerRequest.HttpServerRequest, "headers">): boolean =>
  /^application\/sdp\s*(?:;|$)/i.test(headers["content-type"] ?? "")

/**
 * Reads it, 64 KiB at most; it is not checked. Fails with what is to be answered.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (op: string, request: HttpServerRequest.HttpServerRequest): Effect.Effect<string, Refusal> =>
  request.text.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(Sdp.MAX_OFFER_BYTES)),
    Effect.mapError(({ reason }) =>
      reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
        ? refuse(op, `expected an offer of at most ${Sdp.MAX_OFFER_BYTES} bytes`, 413)
        : refuse(op, "request body was truncated")
    )
  )
