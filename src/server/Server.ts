/**
 * The HTTP server of a backend: the API, the provider's routes, health, metrics, and the console page.
 *
 * It listens while its layer lives. On release it first drains the backend, with the sockets still open, then closes
 * what is left; both are bounded.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSwagger from "effect/http-api/HttpApiSwagger"
import * as Headers from "effect/http/Headers"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as UrlParams from "effect/http/UrlParams"
import * as Layer from "effect/Layer"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import { type BackendProvider, CurrentPeer } from "../backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed, describe, InvalidConfig } from "../BackendError.ts"
import { finalizeWithin } from "../Deadline.ts"
import { Api } from "./Api.ts"
import * as ClientAddress from "./ClientAddress.ts"
import * as Handlers from "./Handlers.ts"
import * as MalformedRequests from "./MalformedRequests.ts"
import { CurrentCredential } from "./Principal.ts"
import * as Problem from "./Problem.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"
import * as RequestGuard from "./RequestGuard.ts"
import * as RouteTable from "./RouteTable.ts"
import { requireAuthentication, requireHook, ServerConfig } from "./ServerConfig.ts"
import * as SocketLimits from "./SocketLimits.ts"
import * as StaticFiles from "./StaticFiles.ts"
import * as Tls from "./Tls.ts"

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
}>()("effect-voice/server/VoiceServer") {}

/**
 * The fields of `ServerConfig`, all of them optional, and what only a program can say.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions extends Partial<ServerConfig> {
  /**
   * Connections that come from elsewhere: is called once with what takes a socket, and what has been read from it already.
   */
  readonly adopt?: ((accept: (socket: Net.Socket, head: Buffer) => void) => void) | undefined
  /** The providers that `GET /v1/providers` tells of besides the one at work. Default: none. */
  readonly providers?: ReadonlyArray<BackendProvider["Service"]> | undefined
  /** Whether `/` is the console page. Default: true. */
  readonly console?: boolean | undefined
  /** How long open connections may take to end once the backend is drained. Default: 2 seconds. */
  readonly grace?: Duration.Input | undefined
}

const op = "Server.layer"

const failedToListen = (config: ServerConfig) => ({ cause }: { readonly cause: unknown }): BackendError => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "unknown"
  const where = `${config.host}:${config.port}`
  const details = { host: config.host, port: config.port, code }
  switch (code) {
    case "EADDRINUSE":
      return new ConnectionFailed({
        op,
        message:
          `port ${config.port} of ${config.host} is in use by another program; choose another with --port or server.port`,
        details: { ...details, reason: "port_in_use" },
        cause
      })
    case "EACCES":
      return new InvalidConfig({ op, message: `this user may not listen on ${where}`, details, cause })
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new InvalidConfig({ op, message: `${config.host} is no address of this machine`, details, cause })
    default:
      return new ConnectionFailed({ op, message: `can't listen on ${where}: ${describe(cause)}`, details, cause })
  }
}

/**
 * Fails as the layer would when the server could not listen now; for whoever has slow work to do before. Nothing is kept:
 * the layer may still find the port taken later.
 *
 * @category validation
 * @since 0.1.0
 */
export const requireFreePort = (config: ServerConfig): Effect.Effect<void, BackendError> =>
  Effect.callback<void, BackendError>((resume) => {
    const probe = new Net.Server()
    probe.once("error", (cause) => resume(Effect.fail(failedToListen(config)({ cause }))))
    probe.listen({ host: config.host, port: config.port, exclusive: true }, () => {
      probe.close(() => resume(Effect.void))
    })
    return Effect.sync(() => probe.close())
  })

const isRouteNotFound = (reason: Cause.Reason<unknown>): boolean =>
  reason._tag === "Fail" && typeof reason.error === "object" && reason.error !== null && "reason" in reason.error &&
  typeof reason.error.reason === "object" && reason.error.reason !== null && "_tag" in reason.error.reason &&
  reason.error.reason._tag === "RouteNotFound"

const unknownRoute = (request: HttpServerRequest.HttpServerRequest, table: RouteTable.RouteTable) => {
  const methods = table.methods(request.url.split(/[?#]/, 1)[0]!)
  return methods.length === 0 || methods.includes(request.method)
    ? Problem.http("route_not_found", "there is nothing at this address; /docs says what there is")
    : Problem.http("method_not_allowed", `expected ${methods.join(", ")}`, { allow: methods.join(", ") })
}

/** The routes that stand beside the API's and the provider's. */
const extraRoutes = [
  "/",
  "/favicon.ico",
  "/console/:file",
  "/client/:file",
  "/vendor/:file",
  "/docs",
  "/openapi.json",
  "/metrics"
]

/** All that the registry holds, and what the process itself says when it is asked. */
const metrics = Effect.map(
  PrometheusMetrics.format(),
  (text) =>
    HttpServerResponse.text(text + ProcessMetrics.format(), {
      contentType: "text/plain; version=0.0.4; charset=utf-8"
    })
)

/** What asks again and again and is no call: a span of each would bury the rest. */
const isProbe = ({ url }: HttpServerRequest.HttpServerRequest): boolean =>
  /^\/(?:metrics|health\/\w+)(?:$|[?#])/.test(url)

/** Around all routes: the guard before, problem JSON for what nobody answered, the headers behind. */
const guarded = <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  guard: RequestGuard.RequestGuard,
  table: RouteTable.RouteTable,
  addressOf: ReturnType<typeof ClientAddress.make>
) =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const refusal = guard.refuse(request)
    if (refusal !== undefined) return Effect.succeed(guard.protect(request, refusal))
    const address = addressOf(Option.getOrUndefined(request.remoteAddress), request.headers)
    return app.pipe(
      Effect.provideService(CurrentPeer, { address }),
      Effect.provideService(CurrentCredential, guard.credential(request)),
      Effect.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
        if (cause.reasons.some(isRouteNotFound)) return Effect.succeed(unknownRoute(request, table))
        return Effect.as(
          Effect.logError("a request failed", cause),
          Handlers.defect(`${request.method} ${request.url.split("?", 1)[0]}`, cause)
        )
      }),
      Effect.map((response) => guard.protect(request, response))
    )
  })

const formatUrl = (scheme: string, host: string, port: number): string =>
  `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`

/** The drain has a deadline of its own; this one is for a backend that misses it. */
const drain = (backend: VoiceBackend["Service"]) =>
  Effect.gen(function*() {
    const { drain } = yield* backend.config
    yield* backend.stop.pipe(
      finalizeWithin(Duration.sum(drain.deadline, Duration.seconds(10))),
      Effect.flatMap((report) => report._tag === "None" ? finalizeWithin("2 seconds")(backend.abort) : Effect.void),
      Effect.ignore
    )
  })

/**
 * Serves a backend over HTTP. Fails `invalid_config` for options that make no sense or would let the network in, and
 * `connection_failed` when the port is taken (`details.reason` is `port_in_use`).
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ServerOptions = {}): Layer.Layer<VoiceServer, BackendError, VoiceBackend> =>
  Layer.effect(
    VoiceServer,
    Effect.gen(function*() {
      const backend = yield* VoiceBackend
      const { adopt, console = true, grace = "2 seconds", providers = [], ...given } = options
      const config: ServerConfig = {
        ...defaults,
        ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
      }
      yield* requireAuthentication(config)
      yield* requireHook(config, backend.authorize !== undefined)
      const certificate = config.tls === undefined ? undefined : yield* Tls.load(config.tls)

      const api = Object.values(Api.groups).flatMap((group) => Object.values(group.endpoints))
      const table = RouteTable.make([
        ...api,
        ...backend.routes,
        ...extraRoutes.map((path) => ({ method: "GET", path }))
      ])
      const guard = RequestGuard.make(
        config,
        RouteTable.make([
          ...backend.routes,
          ...[...extraRoutes, "/health/:probe"].map((path) => ({ method: "GET", path }))
        ])
      )

      const scheme = certificate === undefined ? "http" as const : "https" as const
      const publicUrl = config.publicUrl === undefined ? undefined : new URL(config.publicUrl)
      const routes = Layer.mergeAll(
        HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
          Layer.provide(Handlers.layer({ publicUrl, providers, scheme }))
        ),
        HttpApiSwagger.layer(Api, { path: "/docs" }),
        HttpRouter.add("GET", "/metrics", metrics),
        HttpRouter.addAll(backend.routes),
        console ? HttpRouter.addAll(StaticFiles.routes(backend.clientOrigins ?? [])) : Layer.empty
      )

      const secure = certificate === undefined ? undefined : Https.createServer({ ...certificate, ...httpOptions })
      const node: Http.Server = secure ?? Http.createServer(httpOptions)
      if (secure !== undefined && config.tls !== undefined && certificate !== undefined) {
        yield* Tls.reload(secure, config.tls, certificate)
      }
      MalformedRequests.answer(node)
      const clock = yield* Clock.Clock
      const sockets = SocketLimits.watch(node, {
        max: config.maxConnections,
        secure: secure !== undefined,
        nowMs: () => clock.currentTimeMillisUnsafe()
      })
      const server = yield* NodeHttpServer.make(() => node, {
        host: config.host,
        port: config.port,
        gracefulShutdownTimeout: grace,
        websocket: { maxPayload: maxFrameBytes }
      }).pipe(Effect.mapError(failedToListen(config)))
      yield* Effect.addFinalizer(() => Effect.sync(sockets.destroy))
      yield* Effect.sync(sockets.sweep).pipe(Effect.delay("5 seconds"), Effect.forever, Effect.forkScoped)
      const app = yield* HttpRouter.toHttpEffect(routes)
      yield* server.serve(guarded(app, guard, table, ClientAddress.make(config.trustedProxies))).pipe(
        // Where a session's token may stand: spans tell of headers and addresses.
        Effect.updateService(UrlParams.CurrentRedactedNames, (names) => [...names, "token"]),
        Effect.provideService(HttpMiddleware.TracerDisabledWhen, isProbe),
        Effect.updateService(Headers.CurrentRedactedNames, (names) => [...names, "sec-websocket-protocol"])
      )
      yield* Effect.addFinalizer(() => drain(backend))
      adopt?.((socket, head) => {
        node.emit("connection", socket)
        // as if it had just been read
        socket.emit("data", head)
        socket.resume()
      })

      const address = node.address()
      const port = typeof address === "object" && address !== null ? address.port : config.port
      return { url: formatUrl(scheme, config.host, port), port }
    })
  ).pipe(Layer.provide(NodeHttpServer.layerHttpServices))

const httpOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // How often those two are looked at; Node's own 30 s would make 40 of the 10.
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: MalformedRequests.MAX_HEADER_BYTES,
  // The guard does, and says so.
  requireHostHeader: false
}

/** A larger WebSocket message, text or binary, closes the socket with 1009: 64 KiB. */
const maxFrameBytes = 65_536

const defaults = Schema.decodeSync(ServerConfig)({})
