/**
 * The provider without a platform: users connect to this process, over a WebSocket or WebRTC.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"
import * as WebRtcConnection from "../../transport/webrtc/WebRtcConnection.ts"
import * as WebSocketProtocol from "../../transport/websocket/WebSocketProtocol.ts"
import * as OpenAi from "../clients/openai/index.ts"
import * as RtviRoutes from "../clients/rtvi/RtviRoutes.ts"
import * as SessionLinks from "../SessionLinks.ts"
import * as SocketRoute from "../SocketRoute.ts"
import * as LocalAddress from "./LocalAddress.ts"
import { browserIceServers, LocalConfig, webRtcOptions } from "./LocalConfig.ts"
import * as OfferRoute from "./OfferRoute.ts"

export { LocalConfig } from "./LocalConfig.ts"

/**
 * The local provider. `access.connectionUrl` is the path of the WebSocket for `websocket` and of the offer for `webrtc`; the
 * server that mounts the routes completes it. The token opens both, so that a user can switch.
 *
 * @category providers
 * @since 0.1.0
 */
export const provider: BackendProvider.BackendProvider["Service"] = BackendProvider.make({
  name: "local",
  description: "Users connect to this process, over a WebSocket or WebRTC",
  capabilities: {
    s2s: true,
    multiUser: true,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    // Measured with Chromium on loopback: 21 ms to the server, 45 ms back over WebRTC.
    minLatency: Duration.millis(66),
    codecs: ["pcm_s16le", "opus"]
  },
  config: LocalConfig,
  checkMachine: ({ bindAddress }) => bindAddress === undefined ? Effect.void : LocalAddress.check(bindAddress),
  connect: Effect.fnUntraced(function*(options, config, host) {
    const links = yield* SessionLinks.make({
      host,
      limits: host.limits ?? (() => config.session),
      maxConnectionsPerSession: options.maxConnectionsPerSession
    })
    const webRtc = yield* WebRtcConnection.make(webRtcOptions(options))
    const { iceServers } = options
    const realtime = yield* OpenAi.routes({
      host,
      links,
      config: options.openai,
      longest: config.session.longest,
      webRtc
    })
    const rtvi = yield* RtviRoutes.make({ host, links, webRtc, iceServers: () => browserIceServers(options) })
    return {
      open: (session) =>
        Effect.map(links.open(session), ({ attachments, expiresAt, token }) => {
          const path = `/v1/sessions/${encodeURIComponent(session.id)}`
          return {
            access: session.config.transport === "webrtc"
              ? { connectionUrl: `${path}/offer`, token, expiresAt, ...(iceServers.length > 0 ? { iceServers } : {}) }
              : { connectionUrl: `${path}/audio`, token, expiresAt },
            attachments
          }
        }),
      routes: [
        SocketRoute.make({ path: "/v1/sessions/:id/audio", links, rates: WebSocketProtocol.defaultRates }),
        OfferRoute.make(links, webRtc),
        ...realtime,
        ...rtvi
      ],
      // No remote service to probe.
      probe: Effect.succeed({ name: "provider", status: "healthy" as const })
    }
  })
})

/**
 * The provider as a service.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<BackendProvider.BackendProvider> = Layer.succeed(
  BackendProvider.BackendProvider,
  provider
)
