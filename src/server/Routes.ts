/**
 * The routes of a backend as a layer, for the `HttpRouter` of any application: session API, the provider's media routes,
 * health, metrics, documentation and console, each with its guards and limits.
 *
 * A route is mounted on its own, so a path that is not ours stays the application's. `Server.layer` mounts the same.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiSwagger from "effect/http-api/HttpApiSwagger"
import * as OpenApi from "effect/http-api/OpenApi"
import * as FindMyWay from "effect/http/FindMyWay"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Option from "effect/Option"
import { IncomingMessage } from "node:http"
import type { BackendProvider } from "../backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../backend/VoiceBackend.ts"
import { type BackendError, describe, InvalidConfig } from "../BackendError.ts"
import * as PeerTrust from "../cluster/peers/PeerTrust.ts"
import * as Problem from "../transport/Problem.ts"
import * as ClientAddress from "./access/ClientAddress.ts"
import * as RequestGuard from "./access/RequestGuard.ts"
import { Api } from "./api/Api.ts"
import * as ApiMiddleware from "./api/ApiMiddleware.ts"
import * as BackendHandlers from "./api/BackendHandlers.ts"
import * as CallHandlers from "./api/CallHandlers.ts"
import * as PublicAddress from "./api/PublicAddress.ts"
import * as SessionHandlers from "./api/SessionHandlers.ts"
import * as ConsoleRoutes from "./ConsoleRoutes.ts"
import * as GuardedRoute from "./GuardedRoute.ts"
import * as HttpServices from "./HttpServices.ts"
import * as Cells from "./nodes/Cells.ts"
import * as NodeRouting from "./nodes/NodeRouting.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"
import * as AsyncApi from "./protocol/AsyncApi.ts"
import * as Protocols from "./Protocols.ts"
import * as RouteCollector from "./RouteCollector.ts"
import {
  complete,
  type GivenServerConfig,
  publicSettings,
  requireAuthentication,
  requireHook,
  requireOperations
} from "./ServerConfig.ts"
import * as SharedMetrics from "./SharedMetrics.ts"
import type { SharedPort } from "./SharedPort.ts"

/**
 * - `prefix`: where the routes are mounted, such as `/voice`. Default: at the root.
 * - `authentication`: `keys` and `hook` as in the server's config; `none` when the application's own middleware
 *   authenticates in front of these routes. Default: `keys`.
 * - `operations`: who may read `/metrics`, `/docs`, `/openapi.json`, `/asyncapi.json` and all of `/health/ready`, as in the
 *   server's config. Default: `public`.
 * - `host`: the address that the application listens on. Default: that of its `HttpServer`. With `keys` and no key,
 *   another address than loopback is refused, and so is whatever else makes the server public; where the address is
 *   unknown, requests must come from this machine and name it.
 * - `publicUrl`: how clients reach the application's root; the prefix is added to it. Default: the request's `Host`.
 * - `protocols`: as in the server's config.
 * - `providers`: what `GET /v1/providers` lists besides the backend's own provider. Default: none.
 * - `console`: whether the prefix itself is the console page. Default: true.
 *
 * @category models
 * @since 0.1.0
 */
export interface RoutesOptions extends
  GivenServerConfig<
    "publicUrl" | "allowedOrigins" | "apiKeys" | "authentication" | "trustedProxies" | "operations" | "protocols"
  >
{
  readonly prefix?: string | undefined
  readonly host?: string | undefined
  readonly providers?: ReadonlyArray<BackendProvider["Service"]> | undefined
  readonly console?: boolean | undefined
}

const op = "Server.routes"

const prefixOf = (prefix: string): Effect.Effect<string, InvalidConfig> => {
  const bare = prefix.replace(/\/+$/, "")
  // clients leave out the segments `.` and `..`
  return /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)*$/.test(bare) ? Effect.succeed(bare) : Effect.fail(
    new InvalidConfig({ op, message: "invalid prefix: expected a path such as /voice, without parameters" })
  )
}

/** The router throws at a path that it has already. */
const taken = (cause: unknown, prefix: string): InvalidConfig =>
  new InvalidConfig({
    op,
    message: `the router of the application has a route of ours already: ${describe(cause)}. ` +
      (prefix === ""
        ? "Mount them below a prefix, or without the console page (console: false)"
        : "Mount them below another prefix"),
    cause
  })

/** The address of the server around, if there is one. A Unix socket is this machine's own. */
const listeningOn = Effect.map(
  Effect.context<never>(),
  (context) =>
    Option.getOrUndefined(
      Option.map(Context.getOption(context, HttpServer.HttpServer), ({ address }) =>
        NetAddress.isUnixPathAddress(address)
          ? "localhost"
          : NetAddress.formatIp(address.address))
    )
)

/** All metrics of the registry, and those of the process; on a port that it shares, those of the others as well. */
const metrics = Effect.fnUntraced(function*(
  shared: SharedPort | undefined,
  path: string,
  trust: PeerTrust.PeerTrust
) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { source } = request
  const own = (yield* PrometheusMetrics.format()) + ProcessMetrics.format()
  const isShared = source instanceof IncomingMessage && source.socket.localPort === shared?.port
  const text = isShared && shared?.name !== undefined && shared.siblings !== undefined
    ? SharedMetrics.merge([
      [shared.name, own],
      ...yield* SharedMetrics.gather(
        shared.siblings,
        path,
        request.headers["authorization"],
        trust
      )
    ])
    : own
  return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
})

/**
 * The guarded routes, below their prefix, and what a server answers where none of them fits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mounted {
  readonly routes: ReadonlyArray<HttpRouter.Route<never, never>>
  /** Whether a route has this path, whatever its method. */
  readonly has: (path: string) => boolean
  /** The answer of a server with these routes only: 404, or 405 for a method that the router does not know. */
  readonly fallback: (request: HttpServerRequest.HttpServerRequest) => HttpServerResponse.HttpServerResponse
}

/**
 * The routes of a server, and those of its second port if it has one.
 *
 * @category models
 * @since 0.1.0
 */
export interface MountedPorts extends Mounted {
  /** Without authentication: only this machine may use them. */
  readonly localOnly: boolean
  /** Where they are mounted: empty, or a path such as `/voice`, without a slash at its end. */
  readonly prefix: string
  readonly admin: Mounted | undefined
  /** Completes when no connection is passed on to another node. */
  readonly passedOn: Effect.Effect<void>
}

/**
 * What only our own server says of its routes.
 *
 * - `hasAdminPort`: what is for operators is mounted apart. Default: false.
 * - `anyHost`: see `RequestGuard`.
 * - `shared`: the port that it shares with other processes. Default: none.
 * - `certificate`: the file of the server's certificate, which the other nodes of a cluster have as well. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnServer {
  readonly hasAdminPort?: boolean | undefined
  readonly anyHost?: boolean | undefined
  readonly shared?: SharedPort | undefined
  readonly certificate?: string | undefined
}

/**
 * Makes the routes of the backend around, without adding them to a router.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: RoutesOptions,
  { anyHost, certificate, hasAdminPort = false, shared }: OwnServer = {}
) {
  const backend = yield* VoiceBackend
  const trust = yield* PeerTrust.make(certificate)
  const prefix = yield* prefixOf(options.prefix ?? "")
  const { console = true, providers = [] } = options
  const { allowedOrigins, apiKeys, authentication, operations, protocols, publicUrl, trustedProxies } = yield* complete(
    {
      allowedOrigins: options.allowedOrigins,
      apiKeys: options.apiKeys,
      authentication: options.authentication,
      operations: options.operations,
      protocols: options.protocols,
      publicUrl: options.publicUrl,
      trustedProxies: options.trustedProxies
    }
  )
  const host = options.host ?? (yield* listeningOn)
  const reach = {
    // An unknown address is taken for loopback: the guard answers only to its names then.
    host: host ?? "localhost",
    allowedOrigins,
    apiKeys,
    authentication,
    trustedProxies,
    ...(publicUrl === undefined ? {} : { publicUrl })
  }
  yield* requireAuthentication(reach)
  yield* requireHook({ authentication }, backend.authorize !== undefined)
  yield* requireOperations({ port: 0, apiKeys, operations })

  const base = publicUrl?.replace(/\/+$/, "")
  const api = prefix === "" && base === undefined
    ? Api
    : Api.annotate(OpenApi.Servers, [{ url: `${base ?? ""}${prefix}` }])
  const own = yield* RouteCollector.collect(Layer.mergeAll(
    HttpApiBuilder.layer(api, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide([
        SessionHandlers.layer({ publicUrl: base, prefix }),
        CallHandlers.layer({ publicUrl: base, prefix }),
        BackendHandlers.layer(providers)
      ]),
      Layer.provide(ApiMiddleware.layer)
    ),
    HttpApiSwagger.layer(api, { path: GuardedRoute.DOCS }),
    HttpRouter.add("GET", "/asyncapi.json", HttpServerResponse.jsonUnsafe(AsyncApi.make({ prefix, publicUrl: base }))),
    HttpRouter.add("GET", "/metrics", metrics(shared, `${prefix}/metrics`, trust)),
    console
      ? HttpRouter.addAll(ConsoleRoutes.routes({
        origins: backend.clientOrigins ?? [],
        hasDocumentation: operations === "public" && !hasAdminPort
      }))
      : Layer.empty
  ))

  const guard = RequestGuard.make({ host, publicUrl, allowedOrigins, apiKeys, authentication, operations, anyHost })
  const addressOf = ClientAddress.make(trustedProxies)
  const nodes = yield* NodeRouting.make(backend, { trust })
  const ofProviders = yield* Protocols.served(backend.routes, protocols, publicSettings(reach).length > 0)
  const ofProvider = new Set<unknown>(ofProviders)
  const inItsCell = Cells.around((yield* backend.config).cluster ?? {})

  const mount = (all: ReadonlyArray<Guarded>, isFirstOfTwo: boolean): Mounted => {
    const access = new Map(all.map(([{ path }, access]) => [path, access]))
    const routes = [
      ...all,
      ...RouteCollector.missingMethods(all.map(([route]) => route)).map((route) =>
        [route, access.get(route.path) ?? "key"] as const
      )
    ]
    const paths = FindMyWay.make<ReadonlyArray<string>>()
    for (const [path, methods] of RouteCollector.methodsByPath(all.map(([route]) => route))) {
      paths.on("GET", prefix === "" ? path : HttpRouter.prefixPath(path, prefix) as HttpRouter.PathInput, methods)
    }
    return {
      routes: routes.map(([route, access]) => {
        const inner = GuardedRoute.make(inItsCell(route), access, {
          addressOf,
          baseOf: (request) => PublicAddress.baseOf({ publicUrl: base, prefix }, request),
          guard,
          isFirstOfTwo,
          nodes: ofProvider.has(route) ? nodes : undefined
        })
        return prefix === "" ? inner : HttpRouter.prefixRoute(inner, prefix)
      }),
      has: (path) => paths.find("GET", path) !== undefined,
      fallback: (request) => {
        const found = paths.find("GET", request.url)
        return guard.protect(
          request,
          guard.refuse(request, "key") ??
            (found === undefined || found.handler.includes(request.method)
              ? Problem.toResponse(GuardedRoute.unknownRoute(isFirstOfTwo))
              : RouteCollector.methodNotAllowed(found.handler))
        )
      }
    }
  }

  const all: ReadonlyArray<Guarded> = [
    ...own.map((route) => [route, GuardedRoute.accessOf(route.path)] as const),
    ...ofProviders.map((route) => [route, "public"] as const)
  ]
  const common = { localOnly: guard.localOnly, passedOn: nodes?.idle ?? Effect.void, prefix }
  const mounted: MountedPorts = hasAdminPort
    ? {
      ...common,
      ...mount(all.filter(([, access]) => access !== "operations"), true),
      admin: mount(all.filter(([, access]) => access === "operations" || access === "probe"), false)
    }
    : { ...common, ...mount(all, false), admin: undefined }
  return mounted
})

type Guarded = readonly [RouteCollector.Route, RequestGuard.Access]

/**
 * Adds the routes of the backend around to the router of an application. Fails `invalid_config` for options that
 * contradict each other or would let the network in without authentication, and where the router has one of the routes.
 *
 * Everything stays the application's that these routes do not answer. Provide `layerDrain` as well, so that calls end
 * well when the application stops.
 *
 * @category layers
 * @since 0.1.0
 */
export const routes = (
  options: RoutesOptions = {}
): Layer.Layer<never, BackendError, VoiceBackend | HttpRouter.HttpRouter> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const router = yield* HttpRouter.HttpRouter
    const { prefix, routes } = yield* make(options)
    yield* router.addAll(routes).pipe(Effect.catchDefect((cause) => Effect.fail(taken(cause, prefix))))
  })).pipe(Layer.provide(HttpServices.layer))
