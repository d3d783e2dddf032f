/**
 * `POST /v1/sessions/:id/offer`: SDP in, SDP out, in the style of WHIP (RFC 9725); the session's audio over WebRTC.
 *
 * The peer connection outlives the request: it belongs to the session, and is attached once media can flow. An offer for a
 * session that another node has is answered by that node, whose addresses are in the answer: media goes to it directly.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type ProviderRoute, speaking } from "../../backend/provider/BackendProvider.ts"
import { InvalidConfig } from "../../BackendError.ts"
import * as Problem from "../../transport/Problem.ts"
import * as Sdp from "../../transport/webrtc/Sdp.ts"
import type { WebRtc } from "../../transport/webrtc/WebRtcConnection.ts"
import * as PeerEntry from "../PeerEntry.ts"
import { peerOf, tokenOf } from "../RouteRequest.ts"
import * as SessionElsewhere from "../SessionElsewhere.ts"
import type { SessionLinks } from "../SessionLinks.ts"

const op = "LocalProvider.offer"

/**
 * The answer's `location` is the session's URL, which a WHIP client deletes to hang up. It is relative to the offer's URL,
 * and so holds below any prefix and behind any proxy.
 *
 * @category routes
 * @since 0.1.0
 */
export const make = (links: SessionLinks, webRtc: WebRtc): ProviderRoute => {
  const handle = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    const { id = "" } = yield* HttpRouter.params
    const link = yield* links.authenticate(id, tokenOf(request))
    if (!/^application\/sdp\s*(?:;|$)/i.test(request.headers["content-type"] ?? "")) {
      return Problem.errorResponse(new InvalidConfig({ op, message: "expected content-type application/sdp" }), 415)
    }
    const body = yield* request.text.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(Sdp.MAX_OFFER_BYTES)),
      Effect.result
    )
    if (body._tag === "Failure") {
      return body.failure.reason._tag === "RequestParseError" && body.failure.reason.reason === "BodyTooLarge"
        ? Problem.errorResponse(
          new InvalidConfig({ op, message: `expected an offer of at most ${Sdp.MAX_OFFER_BYTES} bytes` }),
          413
        )
        : Problem.errorResponse(new InvalidConfig({ op, message: "request body was truncated" }))
    }

    const accepted = yield* PeerEntry.accept({ link, webRtc, offer: body.success, from: yield* peerOf(request) })
    return HttpServerResponse.text(accepted.answer, {
      status: 201,
      contentType: "application/sdp",
      headers: { "cache-control": "no-store", "location": `../${encodeURIComponent(link.id)}` }
    })
  }, (effect, request) =>
    effect.pipe(
      SessionElsewhere.pass(request),
      Effect.catch((error) => Effect.succeed(Problem.errorResponse(error)))
    ))
  return speaking("native", HttpRouter.route("POST", "/v1/sessions/:id/offer", handle))
}
