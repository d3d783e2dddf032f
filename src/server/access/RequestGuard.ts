/**
 * Decides which requests go further, and adds the security headers of every answer.
 *
 * - A page of another origin may not change anything or open a socket, unless its origin is allowed. A request without an
 *   `Origin` header does not come from a page.
 * - A server on loopback without keys only answers to loopback names, which defeats DNS rebinding: a page cannot point a
 *   name of its own at 127.0.0.1. Where the server's address is not known, it only answers over loopback.
 * - With keys, the API needs one. Public pages and health do not, and the provider's routes are opened by a session's token.
 * - What is for operators needs a key as well where `operations` says so.
 * - With `authentication: "hook"`, a caller without a key is a user, and the handlers ask the application's hook.
 *
 * Synchronous and pure, except for the hash of the keys.
 *
 * @since 0.1.0
 */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import { IncomingMessage } from "node:http"
import type { Callers, Credential } from "../../backend/provider/Callers.ts"
import { AuthenticationFailed, AuthorizationFailed } from "../../BackendError.ts"
import * as KnownKeys from "../../KnownKeys.ts"
import * as Problem from "../../transport/Problem.ts"
import { isLoopback, type ServerConfig } from "../ServerConfig.ts"
import * as Principal from "./Principal.ts"

/**
 * What a route asks of a request: an API key; nothing (`public`); nothing, not even a `Host` header (`probe`, for load
 * balancers); what the config asks of operators (`operations`).
 *
 * @category models
 * @since 0.1.0
 */
export type Access = "key" | "public" | "probe" | "operations"

/**
 * @category models
 * @since 0.1.0
 */
export interface RequestGuard {
  /** Without authentication: only this machine may use the routes. */
  readonly localOnly: boolean
  /** The refusal of a request; `undefined` lets it pass. */
  readonly refuse: (
    request: HttpServerRequest.HttpServerRequest,
    access: Access
  ) => HttpServerResponse.HttpServerResponse | undefined
  /** The credential of a request that passed. */
  readonly credential: (request: HttpServerRequest.HttpServerRequest) => Credential
  /** What a key or token is worth that a route has read by itself; `undefined`: nothing. */
  readonly authenticate: Callers["authenticate"]
  /** Whether a request that passed may read what is for operators. */
  readonly readsOperations: (request: HttpServerRequest.HttpServerRequest) => boolean
  /** Adds the security headers, and those of CORS. */
  readonly protect: (
    request: HttpServerRequest.HttpServerRequest,
    response: HttpServerResponse.HttpServerResponse
  ) => HttpServerResponse.HttpServerResponse
}

const op = "http"
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"])
const preflight = {
  "access-control-allow-methods": "GET, POST, PATCH, DELETE",
  // whatever else a client says of itself: the origin is allowed, and no cookie has a meaning here
  "access-control-allow-headers": "authorization, content-type, idempotency-key, *",
  "access-control-max-age": "600"
}

const closed = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

const headers = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(self)"
}

const hostOf = (authority: string): string => authority.replace(/:\d*$/, "")

/**
 * - `host`: the address that the server listens on, if it is known. Unknown counts as loopback.
 * - `authentication`: with `none`, every caller is trusted: something in front of the routes authenticates.
 * - `anyHost`: without authentication, requests to other names than loopback are answered as well. Default: with `none`.
 *
 * @category models
 * @since 0.1.0
 */
export interface GuardOptions
  extends Pick<ServerConfig, "allowedOrigins" | "apiKeys" | "authentication" | "operations">
{
  readonly host: string | undefined
  readonly publicUrl: string | undefined
  readonly anyHost?: boolean | undefined
}

/**
 * Makes the guard of a server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (config: GuardOptions): RequestGuard => {
  const publicUrl = config.publicUrl === undefined ? undefined : new URL(config.publicUrl)
  const origins = new Set([...config.allowedOrigins, ...(publicUrl === undefined ? [] : [publicUrl.origin])])
  const keys = config.apiKeys.map((key) => {
    KnownKeys.remember(Redacted.value(key))
    return digest(Redacted.value(key))
  })
  const byHook = config.authentication === "hook"
  const { anyHost = config.authentication === "none" } = config
  const isOpen = config.authentication === "none" || (config.authentication === "keys" && keys.length === 0)
  const localOnly = isOpen && !anyHost && (config.host === undefined || isLoopback(config.host))
  const ownHosts = new Set(Array.from(origins, (origin) => new URL(origin).hostname))

  const sameOrigin = (origin: string, host: string | undefined): boolean =>
    host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase()

  const foreignPage = (request: HttpServerRequest.HttpServerRequest): boolean => {
    const origin = request.headers["origin"]
    return origin !== undefined && !origins.has(origin) && !sameOrigin(origin, request.headers["host"])
  }

  const isKey = (given: string | undefined): boolean => {
    if (given === undefined) return false
    const hash = digest(given)
    // Every key is compared: the time must not depend on which one matches.
    return keys.reduce((found, key) => Crypto.timingSafeEqual(key, hash) || found, false)
  }

  const authorized = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => isKey(Principal.bearerOf(headers))

  const readsOperations = (request: HttpServerRequest.HttpServerRequest): boolean =>
    config.operations === "public" || authorized(request)

  /** Where the address of the server was not known, a request shows over which one it came. */
  const isFromNetwork = ({ source }: HttpServerRequest.HttpServerRequest): boolean =>
    source instanceof IncomingMessage && source.socket.localAddress !== undefined &&
    !isLoopback(source.socket.localAddress)

  return {
    localOnly,
    refuse: (request, access) => {
      const host = request.headers["host"]
      if (host === undefined && access !== "probe") {
        return Problem.toResponse(Problem.make("malformed_request", "expected a Host header"))
      }
      if (localOnly && access !== "probe" && isFromNetwork(request)) {
        return Problem.errorResponse(
          new AuthorizationFailed({
            op,
            message: "this server has no API authentication and only answers to its own machine",
            details: { reason: "address_not_allowed" }
          })
        )
      }
      if (localOnly && host !== undefined && access !== "probe") {
        const name = hostOf(host)
        if (!isLoopback(name) && !ownHosts.has(name.toLowerCase())) {
          return Problem.errorResponse(
            new AuthorizationFailed({
              op,
              message:
                "this server has no API authentication and only answers to loopback names; behind a proxy, set server.public_url",
              details: { reason: "host_not_allowed" }
            })
          )
        }
      }
      if (foreignPage(request) && (!safeMethods.has(request.method) || request.headers["upgrade"] !== undefined)) {
        return Problem.errorResponse(
          new AuthorizationFailed({
            op,
            message: "this origin may not use the API; add it to server.allowed_origins to allow it",
            details: { reason: "origin_not_allowed" }
          })
        )
      }
      if (request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined) {
        return foreignPage(request)
          ? HttpServerResponse.empty({ status: 403 })
          : HttpServerResponse.empty({ headers: preflight })
      }
      // With a hook, the handlers authenticate: it may take a while.
      const needsKey =
        (access === "key" && keys.length > 0 && config.authentication === "keys" && !authorized(request)) ||
        (access === "operations" && !readsOperations(request))
      if (needsKey) {
        return Problem.errorResponse(
          new AuthenticationFailed({ op, message: "missing or invalid API key: send Authorization: Bearer <key>" })
        )
      }
      return undefined
    },
    credential: (request) => {
      if (!byHook || authorized(request)) return { _tag: "Trusted" }
      return userOf(Principal.bearerOf(request.headers))
    },
    authenticate: (bearer) => {
      if (isKey(bearer)) return { _tag: "Trusted", byKey: true }
      if (isOpen) return { _tag: "Trusted" }
      return byHook ? userOf(bearer) : undefined
    },
    readsOperations,
    protect: (request, response) => {
      const origin = request.headers["origin"]
      const policy = response.headers["content-security-policy"] ?? closed
      const shared = origin !== undefined && origins.has(origin)
      return HttpServerResponse.setHeaders(response, {
        ...headers,
        "content-security-policy": policy,
        "cross-origin-resource-policy": shared || isLiveness(request) ? "cross-origin" : "same-origin",
        ...(origins.size > 0 ? { vary: "Origin" } : {}),
        ...(shared
          ? { "access-control-allow-origin": origin, "access-control-expose-headers": "location, retry-after" }
          : {})
      })
    }
  }
}

const userOf = (token: string | undefined): Credential => ({
  _tag: "User",
  token: token === undefined ? undefined : Redacted.make(token)
})

/** Pages of any origin learn from it that the server is there, and so that it is their origin that is not allowed. */
const isLiveness = ({ url }: HttpServerRequest.HttpServerRequest): boolean =>
  url.split(/[?#]/, 1)[0]?.endsWith("/health/live") === true

const digest = (text: string): Buffer => Crypto.createHash("sha256").update(text).digest()
