/**
 * The HTTP server of a backend: its routes on a port of their own, with TLS and limits on sockets.
 *
 * It listens while its layer lives. On release it first drains the backend, with the sockets still open, then closes
 * what is left; both are bounded.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as Http from "node:http"
import * as Https from "node:https"
import type { BackendProvider } from "../backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import type { BackendError } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import * as SocketLimits from "./access/SocketLimits.ts"
import * as Tls from "./access/Tls.ts"
import { drain } from "./Drain.ts"
import * as HttpServices from "./HttpServices.ts"
import { formatUrl, listenError } from "./Listening.ts"
import * as MalformedRequests from "./MalformedRequests.ts"
import * as Routes from "./Routes.ts"
import * as ServedRoutes from "./ServedRoutes.ts"
import { complete, type GivenServerConfig, isLoopback, requireOperations, type ServerConfig } from "./ServerConfig.ts"
import * as SharedPort from "./SharedPort.ts"

/**
 * A running server: where it is.
 *
 * @category services
 * @since 0.1.0
 */
export class VoiceServer extends Context.Service<VoiceServer, {
  /** `http://127.0.0.1:8080`, with the port that was really taken. */
  readonly url: string
  readonly port: number
  /** Where what is for operators is, with an `adminPort`. */
  readonly adminUrl?: string | undefined
  /** The port that it shares with other processes. */
  readonly sharedUrl?: string | undefined
}>()("effect-voice/server/VoiceServer") {}

/**
 * The fields of `ServerConfig`, all of them optional, and what only a program can say.
 *
 * - `providers`: what `GET /v1/providers` lists besides the backend's own provider. Default: none.
 * - `console`: whether `/` is the console page. Default: true.
 * - `prefix`: where the routes are mounted, such as `/voice`. Default: at the root.
 * - `grace`: how long open connections may take to end once the backend is drained. Default: 2 seconds.
 * - `shared`: a port that other processes of this machine listen on as well, beside `port`, which is this process's own; it
 *   listens there once it has joined its cluster, or after 15 seconds.
 *   When the layer is released, it is closed first: new connections go to the others, and `port` answers until the drain
 *   is over. Only where `SharedPort.isBalanced`. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions extends GivenServerConfig {
  readonly providers?: ReadonlyArray<BackendProvider["Service"]> | undefined
  readonly console?: boolean | undefined
  readonly prefix?: string | undefined
  readonly grace?: Duration.Input | undefined
  readonly shared?: SharedPort.SharedPort | undefined
}

const httpOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // How often the two are checked. Node's default of 30 s would turn 10 s into 40.
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: MalformedRequests.MAX_HEADER_BYTES,
  // The guard answers with a problem instead.
  requireHostHeader: false
}

const SWEEP_INTERVAL = Duration.seconds(5)

/** More than any monitoring and its operators have open. */
const MAX_ADMIN_CONNECTIONS = 128

const makeNodeServer = Effect.fnUntraced(function*(config: Pick<ServerConfig, "tls">) {
  const certificate = config.tls === undefined ? undefined : yield* Tls.load(config.tls)
  const secure = certificate === undefined ? undefined : Https.createServer({ ...certificate, ...httpOptions })
  const node: Http.Server = secure ?? Http.createServer(httpOptions)
  if (secure !== undefined && config.tls !== undefined && certificate !== undefined) {
    yield* Tls.reload(secure, config.tls, certificate)
  }
  MalformedRequests.install(node)
  return { node, scheme: secure === undefined ? "http" as const : "https" as const }
})

interface PortOptions extends Pick<ServerConfig, "host" | "port" | "tls" | "maxConnections"> {
  /** See `Listening.Listen`. */
  readonly setting?: string | undefined
  readonly mounted: Routes.Mounted
  readonly prefix: string
  readonly grace: Duration.Input
}

/** Serves routes on a port for as long as the scope. */
const listen = Effect.fnUntraced(function*(options: PortOptions) {
  const { grace, host, maxConnections, mounted, port, prefix, setting } = options
  const { node, scheme } = yield* makeNodeServer(options)
  const clock = yield* Clock.Clock
  const sockets = SocketLimits.install(node, {
    max: maxConnections,
    secure: scheme === "https",
    nowMs: () => MonotonicTime.nowMs(clock)
  })
  const server = yield* NodeHttpServer.make(() => node, {
    host,
    port,
    gracefulShutdownTimeout: grace,
    websocket: { maxPayload: ServedRoutes.MAX_FRAME_BYTES }
  }).pipe(Effect.mapError(listenError({ host, port, setting })))
  yield* Effect.addFinalizer(() => Effect.sync(sockets.destroy))
  yield* Effect.sync(sockets.sweep).pipe(Effect.delay(SWEEP_INTERVAL), Effect.forever, Effect.forkScoped)
  yield* server.serve(yield* ServedRoutes.make(mounted)).pipe(ServedRoutes.withSpans(prefix))
  const address = node.address()
  const taken = typeof address === "object" && address !== null ? address.port : port
  return { node, scheme, port: taken, url: formatUrl(scheme, host, taken) }
})

/**
 * Serves a backend over HTTP. Fails `invalid_config` for options that contradict each other or would let the network in
 * without authentication, and `connection_failed` when a port is taken (`details.reason` is `port_in_use`).
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ServerOptions = {}): Layer.Layer<VoiceServer, BackendError, VoiceBackend> =>
  Layer.effect(
    VoiceServer,
    Effect.gen(function*() {
      const backend = yield* VoiceBackend
      const { console = true, grace = "2 seconds", prefix: at = "", providers = [], shared, ...given } = options
      const config = yield* complete(given)
      yield* requireOperations(config)
      // Whoever reaches either port reaches the server.
      const host = shared !== undefined && isLoopback(config.host) ? shared.host : config.host
      const { admin, passedOn, prefix, ...mounted } = yield* Routes.make({
        ...config,
        host,
        prefix: at,
        console,
        providers
      }, {
        hasAdminPort: config.adminPort !== undefined,
        shared,
        certificate: config.tls?.cert,
        // A proxy may pass on any name; without one, only those that are known.
        anyHost: config.authentication === "none" && config.trustedProxies.length > 0
      })
      const common = { ...config, prefix, grace }
      const { node, port, scheme, url } = yield* listen({ ...common, mounted })
      const adminUrl = admin === undefined ? undefined : (yield* listen({
        ...common,
        mounted: admin,
        host: shared?.host ?? config.host,
        port: config.adminPort ?? 0,
        maxConnections: Math.min(config.maxConnections, MAX_ADMIN_CONNECTIONS),
        setting: "server.admin_port"
      })).url
      if (config.authentication === "none") {
        yield* Effect.logWarning(
          `server.authentication is none: whoever reaches ${url} can start sessions and see those of others`
        )
      }
      yield* Effect.addFinalizer(() => drain(backend, passedOn))
      // Last, so that it is released first.
      if (shared !== undefined) {
        // Until then its siblings could not be asked for their sessions.
        if (backend.joined !== undefined) yield* backend.joined
        yield* SharedPort.listen(node, shared, scheme === "https")
      }
      const sharedUrl = shared === undefined ? undefined : formatUrl(scheme, shared.host, shared.port)
      return { url, port, adminUrl, sharedUrl }
    })
  ).pipe(Layer.provide([HttpServices.layer, HttpRouter.layer]))
