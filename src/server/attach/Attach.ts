/**
 * The routes of a backend on an HTTP server that belongs to somebody else: Express, Fastify, Next or plain `node:http`.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type { Duplex } from "node:stream"
import { WebSocketServer } from "ws"
import { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { type BackendError, InvalidConfig, SessionLimitExceeded } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as Problem from "../../transport/Problem.ts"
import { drain } from "../Drain.ts"
import * as HttpServices from "../HttpServices.ts"
import * as Routes from "../Routes.ts"
import * as ServedRoutes from "../ServedRoutes.ts"
import { isLoopback } from "../ServerConfig.ts"
import * as Interceptor from "./Interceptor.ts"
import * as OpenRequests from "./OpenRequests.ts"

const op = "Server.attach"

/**
 * The options of `Server.routes`, and:
 *
 * - `prefix`: whose requests and upgrades are taken, such as `/voice`; what no route of ours has below it is answered 404.
 *   Without one, only the paths of our routes are taken.
 * - `grace`: how long requests and WebSockets may take to end once the backend is drained. Default: 2 seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttachOptions extends Routes.RoutesOptions {
  readonly grace?: Duration.Input | undefined
}

const SWEEP_INTERVAL = Duration.seconds(5)

const requireHttp1 = (server: unknown): Effect.Effect<void, InvalidConfig> =>
  server instanceof Http.Server || server instanceof Https.Server ? Effect.void : Effect.fail(
    new InvalidConfig({
      op,
      message:
        "expected a server of node:http or node:https: WebSockets need HTTP/1.1, so HTTP/2 servers are not supported"
    })
  )

const stopping = Problem.fromError(
  new SessionLimitExceeded({ op, message: "the server is stopping", details: { reason: "draining" } })
)
const retryAfter = { "retry-after": "1" }

const refuse = (response: Http.ServerResponse): void => {
  response.writeHead(stopping.status, { connection: "close", "content-type": Problem.contentType, ...retryAfter })
    .end(JSON.stringify(stopping))
}

const refuseUpgrade = (socket: Duplex): void => {
  socket.on("error", () => {}).end(Problem.toBytes(stopping, retryAfter), () => socket.destroy())
}

/** The address that a server listens on. */
const hostOf = (server: Http.Server): string | undefined => {
  const address = server.address()
  return typeof address === "object" ? address?.address : undefined
}

/** Says so when others than this machine reach a server whose routes are open to whoever calls them. */
const warnIfPublic = (server: Http.Server) =>
  Effect.gen(function*() {
    if (!server.listening) {
      yield* Effect.callback<void>((resume) => {
        const listening = () => resume(Effect.void)
        server.once("listening", listening)
        return Effect.sync(() => void server.off("listening", listening))
      })
    }
    const host = hostOf(server)
    if (host === undefined || isLoopback(host)) return
    yield* Effect.logWarning(
      `the server listens on ${host} and the voice routes have no API authentication: only this machine may use them. ` +
        "Give Server.attach apiKeys, or authentication"
    )
  })

/**
 * Serves the backend around on an application's HTTP server, for as long as the layer lives: all of `Server.routes`, below
 * a prefix. Every other request and upgrade goes to the application's listeners as if we were not there, and none of them
 * sees ours.
 *
 * The server may listen already, or later; it is never closed. When the layer is released, the backend is drained first,
 * then open requests may end (`grace`) and new ones are answered 503 with `Retry-After`, then their sockets are closed and the
 * server is as it was. Several backends may be
 * attached to one server, each with its prefix.
 *
 * Without keys, only this machine may use the routes, whatever address the server listens on. Fails `invalid_config` for
 * options that contradict each other or would let the network in without authentication, for a prefix that is taken, and
 * for an HTTP/2 server.
 *
 * @category layers
 * @since 0.1.0
 */
export const attach = (
  server: Http.Server | Https.Server,
  options: AttachOptions = {}
): Layer.Layer<never, BackendError, VoiceBackend> =>
  Layer.effectDiscard(Effect.gen(function*() {
    yield* requireHttp1(server)
    const backend = yield* VoiceBackend
    const { grace = "2 seconds", ...given } = options
    const { localOnly, passedOn, prefix, ...mounted } = yield* Routes.make(given)
    if (localOnly) yield* Effect.forkScoped(warnIfPublic(server))

    const clock = yield* Clock.Clock
    const open = OpenRequests.make(() => MonotonicTime.nowMs(clock))
    yield* Effect.addFinalizer(() => Effect.sync(open.destroy))
    yield* Effect.sync(open.sweep).pipe(Effect.delay(SWEEP_INTERVAL), Effect.forever, Effect.forkScoped)

    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const app = yield* ServedRoutes.make(mounted)
    const sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: ServedRoutes.MAX_FRAME_BYTES
    })
    const [handle, handleUpgrade] = yield* Effect.all([
      NodeHttpServer.makeHandler(app, { scope }),
      NodeHttpServer.makeUpgradeHandler(Effect.succeed(sockets), app, { scope })
    ]).pipe(ServedRoutes.withSpans(prefix))

    let isStopping = false
    const detach = Interceptor.install(server, {
      prefix,
      takes: (path) => prefix === "" ? mounted.has(path) : path === prefix || path.startsWith(`${prefix}/`),
      request: (request, response) => {
        if (isStopping) return refuse(response)
        open.add(response)
        handle(request, response)
      },
      upgrade: (request, socket, head) => {
        if (isStopping) return refuseUpgrade(socket)
        open.addUpgrade(socket)
        handleUpgrade(request, socket, head)
      }
    })
    if (detach === undefined) {
      return yield* new InvalidConfig({ op, message: `another backend is attached to this server at ${prefix || "/"}` })
    }
    yield* Effect.addFinalizer(() =>
      Effect.callback<void>((resume) => {
        // until its server is closed, the application would answer 404, which tells clients that their session is over
        isStopping = true
        open.whenIdle(() => resume(Effect.void))
      }).pipe(finalizeWithin(grace), Effect.andThen(Effect.sync(detach)))
    )
    yield* Effect.addFinalizer(() => drain(backend, passedOn))
  })).pipe(Layer.provide([HttpServices.layer, HttpRouter.layer]))
