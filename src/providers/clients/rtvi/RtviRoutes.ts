/**
 * What a provider that speaks RTVI mounts, for Pipecat's clients.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { type ProviderHost, type ProviderRoute, speaking } from "../../../backend/provider/BackendProvider.ts"
import * as RtviProtocol from "../../../protocols/rtvi/RtviProtocol.ts"
import type { WebRtc } from "../../../transport/webrtc/WebRtcConnection.ts"
import * as WebSocketProtocol from "../../../transport/websocket/WebSocketProtocol.ts"
import type { SessionLinks } from "../../SessionLinks.ts"
import * as SocketRoute from "../../SocketRoute.ts"
import * as OfferRoutes from "./OfferRoutes.ts"
import * as RequestAnswers from "./RequestAnswers.ts"
import * as RtviSessions from "./RtviSessions.ts"
import * as StartRoute from "./StartRoute.ts"

/** The client of browsers plays what it has got, whatever happens: this much of the agent is heard after an interruption. */
const LEAD_MS = 100
/** 40 ms, as Pipecat's bots send. */
const FRAMES_PER_MESSAGE = 2

/**
 * - `iceServers`: as a browser's `RTCIceServer` has them, with their credentials.
 *
 * @category models
 * @since 0.1.0
 */
export interface RtviRoutesOptions {
  readonly host: ProviderHost
  readonly links: SessionLinks
  readonly webRtc: WebRtc
  readonly iceServers: () => ReadonlyArray<object>
}

const transports = ["websocket", "webrtc"] as const

const socketPath = (id: string): string => `/v1/sessions/${encodeURIComponent(id)}/rtvi`

/**
 * @category routes
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { host, iceServers, links, webRtc }: RtviRoutesOptions
): Effect.fn.Return<ReadonlyArray<ProviderRoute>, never, Scope.Scope> {
  const sessions = RtviSessions.make({ host, links })
  const answers = yield* RequestAnswers.make(host)
  return [
    ...StartRoute.make({ sessions, socketPath, iceServers, transports }),
    speaking(
      "rtvi",
      HttpRouter.route(
        "GET",
        "/status",
        Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "ready", transports }))
      )
    ),
    ...OfferRoutes.make({ sessions, webRtc, options: (session) => ({ answer: answers(session) }) }),
    SocketRoute.make({
      path: "/v1/sessions/:id/rtvi",
      links,
      rates: WebSocketProtocol.defaultRates,
      protocolOf: (session) => RtviProtocol.make({ answer: answers(session) }),
      name: "rtvi",
      leadMs: LEAD_MS,
      framesPerMessage: FRAMES_PER_MESSAGE
    })
  ]
})
