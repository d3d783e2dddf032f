/**
 * The LiveKit provider: users and the agent are participants of a LiveKit room.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { HealthPart } from "../../backend/health/HealthStatus.ts"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"
import { Singletons } from "../../Singletons.ts"
import * as MediaClock from "../../transport/MediaClock.ts"
import * as AgentWorker from "./dispatch/AgentWorker.ts"
import * as JobSessions from "./dispatch/JobSessions.ts"
import * as RoomRepair from "./dispatch/RoomRepair.ts"
import { LiveKitConfig, resolveServer } from "./LiveKitConfig.ts"
import * as LiveKitPackages from "./LiveKitPackages.ts"
import * as ParticipantArrivals from "./ParticipantArrivals.ts"
import * as RoomLink from "./room/RoomLink.ts"
import * as RoomPeople from "./room/RoomPeople.ts"
import * as RoomService from "./room/RoomService.ts"
import * as Webhook from "./Webhook.ts"

export { Automatic, Dispatch, LiveKitConfig, Participants } from "./LiveKitConfig.ts"

/**
 * The LiveKit provider. `access.connectionUrl` and `access.token` are what a LiveKit client connects with; the agent joins
 * the same room. A session's `transport` is ignored: LiveKit uses WebRTC.
 *
 * `connect` checks the server, so that a wrong key (`authentication_failed`), a wrong URL (`invalid_config`) and an
 * unreachable server (`connection_failed`) are reported before the first user.
 *
 * @category providers
 * @since 0.1.0
 */
export const provider: BackendProvider.BackendProvider["Service"] = BackendProvider.make({
  name: "livekit",
  description: "Users and the agent meet in a LiveKit room",
  capabilities: {
    s2s: true,
    multiUser: true,
    sessionPersistence: true,
    customAuth: false,
    customRateLimiting: false,
    maxConcurrentSessions: 0,
    // Measured on loopback: 44 to 55 ms from the agent to the user, and about the same back.
    minLatency: Duration.millis(100),
    codecs: ["opus"]
  },
  config: LiveKitConfig,
  check: (options) => Effect.asVoid(resolveServer(options)),
  checkMachine: () => LiveKitPackages.check,
  connect: Effect.fnUntraced(function*(options, config, host) {
    const server = yield* resolveServer(options)
    const packages = yield* LiveKitPackages.acquire
    const service = RoomService.make(packages, server, config.timeout)
    yield* service.probe
    const mediaClock = yield* MediaClock.make
    const rooms = new Map<string, string>()
    const { dispatch } = options
    const { roomPrefix } = options
    const people = RoomPeople.make(packages)
    const key = () => host.signingKey
    const recover = host.recoverAnywhere ?? host.recover
    const jobs = JobSessions.make({ host, key, service, people, recover, rooms, roomPrefix, url: server.url })
    const worker = dispatch === undefined ? undefined : yield* AgentWorker.make({
      url: server.url,
      token: service.workerToken,
      dispatch,
      name: options.agentName,
      timeout: config.timeout,
      host,
      jobs
    })
    const repair = dispatch === undefined ? undefined : RoomRepair.make({
      service,
      people,
      roomPrefix,
      agentName: dispatch.agentName ?? "",
      recover,
      rooms,
      clock: yield* Clock.Clock
    })
    const arrivals = yield* ParticipantArrivals.make({
      packages,
      service,
      options,
      key: host.signingKey,
      rooms,
      recover,
      repair
    })
    yield* (yield* Singletons).run("livekit-rooms", arrivals.scan)
    const probe: Effect.Effect<HealthPart> = Effect.match(service.probe, {
      onFailure: ({ code, message }) => ({ name: "provider", status: "unhealthy", cause: `${code}: ${message}` }),
      onSuccess: () => {
        const fault = worker?.fault()
        return fault === undefined
          ? { name: "provider", status: "healthy" }
          : { name: "provider", status: "degraded", cause: `the agent worker is not registered: ${fault.message}` }
      }
    })
    return {
      open: (session) =>
        RoomLink.open(session, {
          packages,
          service,
          server,
          options,
          config,
          host,
          mediaClock,
          rooms,
          assigned: jobs.assigned,
          sessionEnded: arrivals.sessionEnded
        }),
      incoming: arrivals.incoming,
      routes: [Webhook.make({ packages, server, path: `/${options.webhookPath.slice(1)}`, onEvent: arrivals.onEvent })],
      clientOrigins: [server.publicUrl, server.publicUrl.replace(/^ws/, "http")].map((url) =>
        url.replace(/^(\w+:\/\/[^/]+).*$/, "$1")
      ),
      probe
    }
  })
})

/**
 * Provides the LiveKit provider.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<BackendProvider.BackendProvider> = Layer.succeed(
  BackendProvider.BackendProvider,
  provider
)
