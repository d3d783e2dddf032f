/**
 * A route behind the guard: who may use it, what is answered for a failure, and the headers of its answers.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import { IncomingMessage } from "node:http"
import { CurrentBaseUrl, CurrentPeer } from "../backend/provider/BackendProvider.ts"
import { CurrentCallers } from "../backend/provider/Callers.ts"
import { CurrentOtherNodes } from "../backend/provider/OtherNodes.ts"
import { AuthenticationFailed, fromCause } from "../BackendError.ts"
import * as ThrownValue from "../ThrownValue.ts"
import * as Problem from "../transport/Problem.ts"
import type * as ClientAddress from "./access/ClientAddress.ts"
import { CurrentCredential, ReadsOperations } from "./access/Principal.ts"
import type * as RequestGuard from "./access/RequestGuard.ts"
import * as ResponseLimits from "./access/ResponseLimits.ts"
import * as SpanRedaction from "./access/SpanRedaction.ts"
import * as ForwardedProof from "./nodes/ForwardedProof.ts"
import type * as NodeRouting from "./nodes/NodeRouting.ts"
import type * as RouteCollector from "./RouteCollector.ts"

/**
 * The path of the documentation page.
 *
 * @category constants
 * @since 0.1.0
 */
export const DOCS = "/docs"

const operationsPaths: ReadonlySet<string> = new Set(["/metrics", DOCS, "/openapi.json", "/asyncapi.json"])

/**
 * What a route of our own asks of a request: the API needs a key, the console page and health are public. The provider's
 * routes are opened by a session's token.
 *
 * @category accessors
 * @since 0.1.0
 */
export const accessOf = (path: string): RequestGuard.Access =>
  path.startsWith("/v1/")
    ? "key"
    : path.startsWith("/health/")
    ? "probe"
    : operationsPaths.has(path)
    ? "operations"
    : "public"

const isRouteNotFound = (reason: Cause.Reason<unknown>): boolean =>
  reason._tag === "Fail" && HttpServerError.isHttpServerError(reason.error) &&
  reason.error.reason._tag === "RouteNotFound"

/** A defect's text is for the log, not for the client. */
const failure = (op: string, cause: Cause.Cause<unknown>) => {
  const error = fromCause(op, cause)
  return error.code === "pipeline_error"
    ? Problem.toResponse(Problem.make("internal_error", "internal error; see the server's log"))
    : Problem.errorResponse(error)
}

/** The documentation page has its script and its styles inline; all of them are ours. */
const docsPolicy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
  "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** The headers of a route's answers: the policy of the documentation page, and no caching of health. */
const headersOf = (path: string, access: RequestGuard.Access): { readonly [name: string]: string } =>
  path === DOCS
    ? { "content-security-policy": docsPolicy }
    : access === "probe"
    ? { "cache-control": "no-store" }
    : {}

/**
 * The answer to a path that is no route; `isFirstOfTwo`: what is for operators, and so `/docs`, is on another port.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknownRoute = (isFirstOfTwo: boolean): Problem.Problem =>
  Problem.make("route_not_found", isFirstOfTwo ? "no such route" : "no such route; /docs lists them")

/** The answer to a request that claims to be passed on by another node. */
const notOfANode = (reason: string) =>
  HttpServerResponse.setHeader(
    Problem.errorResponse(new AuthenticationFailed({ op: "http", message: "the request was not passed on by a node" })),
    ForwardedProof.HEADER,
    reason
  )

/** How long the peer of a refused upgrade may read the refusal, and leave its socket open. */
const REFUSED_UPGRADE = Duration.millis(ResponseLimits.READ_MS)

/**
 * Closes the socket of a request for another protocol that was answered and not granted. Node's timeouts do not hold for
 * such a socket, and the application's server leaves its end to the peer.
 *
 * @category running
 * @since 0.1.0
 */
export const closeLater = ({ headers, source }: HttpServerRequest.HttpServerRequest): Effect.Effect<void> => {
  if (headers["upgrade"] === undefined || !(source instanceof IncomingMessage)) return Effect.void
  const { socket } = source
  if (socket.destroyed) return Effect.void
  return Effect.callback<void>((resume) => void socket.once("close", () => resume(Effect.void))).pipe(
    Effect.timeoutOption(REFUSED_UPGRADE),
    Effect.andThen(Effect.sync(() => socket.destroy())),
    Effect.forkDetach,
    Effect.asVoid
  )
}

/**
 * Puts a route behind the guard: problem JSON for what fails or dies in it, and the headers of every answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  route: RouteCollector.Route,
  access: RequestGuard.Access,
  { addressOf, baseOf, guard, isFirstOfTwo, nodes }: {
    readonly guard: RequestGuard.RequestGuard
    readonly addressOf: ReturnType<typeof ClientAddress.make>
    /** The URL at which the routes are mounted, as the client of a request sees it. */
    readonly baseOf: (request: HttpServerRequest.HttpServerRequest) => string
    /** What is for operators is on another port. */
    readonly isFirstOfTwo: boolean
    /** The other nodes of a cluster, for a route of the provider. */
    readonly nodes?: NodeRouting.NodeRouting | undefined
  }
): HttpRouter.Route<never, never> => {
  const handle = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest) {
    yield* SpanRedaction.redactToken(request)
    const refusal = guard.refuse(request, access)
    if (refusal !== undefined) return yield* Effect.as(closeLater(request), guard.protect(request, refusal))
    const received: NodeRouting.Received = nodes === undefined ? { _tag: "Client" } : yield* nodes.receive(request)
    if (received._tag === "Refused") {
      return yield* Effect.as(closeLater(request), guard.protect(request, notOfANode(received.reason)))
    }
    const address = received._tag === "Node"
      ? received.address
      : addressOf(Option.getOrUndefined(request.remoteAddress), request.headers)
    const response = yield* route.handler.pipe(
      Effect.provideService(CurrentPeer, { address }),
      Effect.provideService(CurrentOtherNodes, nodes?.nodesFor(received, address)),
      Effect.provideService(CurrentCredential, guard.credential(request)),
      Effect.provideService(CurrentCallers, guard),
      Effect.provideService(CurrentBaseUrl, baseOf),
      Effect.provideService(ReadsOperations, !isFirstOfTwo && guard.readsOperations(request)),
      Effect.catchCause((cause) => {
        if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
        if (cause.reasons.some(isRouteNotFound)) return Effect.succeed(Problem.toResponse(unknownRoute(isFirstOfTwo)))
        return Effect.as(
          Effect.logError("HTTP request failed", ThrownValue.loggable(cause)),
          failure(`${route.method} ${route.path}`, cause)
        )
      })
    )
    yield* closeLater(request)
    return guard.protect(request, HttpServerResponse.setHeaders(response, headersOf(route.path, access)))
  })
  return { ...route, handler: HttpRouter.route(route.method, route.path, handle).handler }
}
