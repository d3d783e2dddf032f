/**
 * `POST /v1/sessions/:id/offer`: SDP in, SDP out, in the style of WHIP (RFC 9725); the session's audio over WebRTC.
 *
 * The peer connection outlives the request: it belongs to the session, and is attached once media can flow. An offer for a
 * session that another node has is answered by that node, whose addresses are in the answer: media goes to it directly.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type ProviderRoute, speaking } from "../../backend/provider/BackendProvider.ts"
import * as Problem from "../../transport/Problem.ts"
import type { WebRtc } from "../../transport/webrtc/WebRtcConnection.ts"
import * as OfferBody from "../OfferBody.ts"
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
    const body = yield* Effect.result(
      OfferBody.isOffer(request)
        ? OfferBody.read(op, request)
        : Effect.fail(OfferBody.refuse(op, "expected content-type application/sdp", 415))
    )
    if (body._tag === "Failure") return Problem.errorResponse(body.failure.error, body.failure.status)

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
