/**
 * Users that Pipecat reaches: a Pipecat pipeline has the user's connection (WebRTC, Daily, telephone, any of its transports)
 * and forwards audio both ways to this process, over Pipecat's WebSocket protocol. `scripts/pipecat/bridge.py` is such a
 * pipeline.
 *
 * A bridge needs the URL and the token of a session. A Pipecat client that speaks this protocol itself (the WebSocket
 * transport) can connect without a bridge.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"
import * as RtviProtocol from "../../protocols/rtvi/RtviProtocol.ts"
import * as SessionLinks from "../SessionLinks.ts"
import * as SocketRoute from "../SocketRoute.ts"
import { PipecatConfig } from "./PipecatConfig.ts"

export { PipecatConfig } from "./PipecatConfig.ts"

/**
 * The Pipecat provider. `access.connectionUrl` is the path of the WebSocket that a bridge connects to, with the token as
 * `Authorization: Bearer`, `?token=` or the subprotocol `token.<token>`; the server that mounts the route completes it.
 *
 * @category providers
 * @since 0.1.0
 */
export const provider: BackendProvider.BackendProvider["Service"] = BackendProvider.make({
  name: "pipecat",
  description: "Pipecat connects the users, by any of its transports, and forwards their audio to this process",
  capabilities: {
    s2s: true,
    multiUser: true,
    sessionPersistence: false,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    // Frames of 20 ms, and 7 ms through the bridge on loopback. Pipecat's own path to the user is added to it.
    minLatency: Duration.millis(27),
    codecs: ["pcm_s16le"]
  },
  config: PipecatConfig,
  connect: Effect.fnUntraced(function*(options, config, host) {
    const links = yield* SessionLinks.make({
      host,
      limits: host.limits ?? (() => config.session),
      maxConnectionsPerSession: options.maxConnectionsPerSession
    })
    const { inputSampleRate, outputSampleRate } = options
    return {
      // Any transport: Pipecat's own one is not known here.
      open: (session) =>
        Effect.map(links.open(session), ({ attachments, expiresAt, token }) => ({
          access: { connectionUrl: `/v1/sessions/${encodeURIComponent(session.id)}/pipecat`, token, expiresAt },
          attachments
        })),
      routes: [
        SocketRoute.make({
          path: "/v1/sessions/:id/pipecat",
          links,
          rates: { inputSampleRate, outputSampleRate },
          // The pipeline is there from the beginning; its own client may know our events.
          protocol: RtviProtocol.make({ ready: "assumed", events: true }),
          name: "pipecat"
        })
      ],
      // Bridges connect to us: no remote service to probe.
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
