/**
 * Who may ask for what, and the headers that every answer carries.
 *
 * - A page of another origin may change nothing and open no socket, unless its origin is allowed; a request without an
 *   Origin header does not come from a page.
 * - A server on loopback without keys answers to loopback names alone, so that no page can reach it by a name of its own
 *   that it points at 127.0.0.1.
 * - With keys, all but the public pages needs one, except the provider's routes: those are opened by a session's token.
 * - Where the application's hook authenticates, whoever has no key is a user, and the handlers ask the hook.
 *
 * Synchronous and pure but for the hash of the keys.
 *
 * @since 0.1.0
 */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import { AuthenticationFailed, AuthorizationFailed } from "../BackendError.ts"
import * as Principal from "./Principal.ts"
import * as Problem from "./Problem.ts"
import type { RouteTable } from "./RouteTable.ts"
import { isLoopback, type ServerConfig } from "./ServerConfig.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RequestGuard {
  /** The answer to a request that goes no further; `undefined` lets it pass. */
  readonly refuse: (request: HttpServerRequest.HttpServerRequest) => HttpServerResponse.HttpServerResponse | undefined
  /** What a request that passes has shown. */
  readonly credential: (request: HttpServerRequest.HttpServerRequest) => Principal.Credential
  /** Adds what every answer to this request carries. */
  readonly protect: (
    request: HttpServerRequest.HttpServerRequest,
    response: HttpServerResponse.HttpServerResponse
  ) => HttpServerResponse.HttpServerResponse
}

const op = "http"
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"])
const preflight = {
  "access-control-allow-methods": "GET, POST, PATCH, DELETE",
  "access-control-allow-headers": "authorization, content-type",
  "access-control-max-age": "600"
}

const closed = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

/** The documentation's page holds its script and its styles in itself; all of it is ours. */
const docs = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const headers = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(self)"
}

/** As the router cuts it: `;` ends a path, too. */
const pathOf = (url: string): string => url.split(/[?#;]/, 1)[0]!

const hostOf = (authority: string): string => authority.replace(/:\d*$/, "")

/**
 * Makes the guard of a server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  config: ServerConfig,
  /** What needs no key: public pages, and what a session's token opens. Anything else does, however it is spelled. */
  keyless: RouteTable
): RequestGuard => {
  const publicUrl = config.publicUrl === undefined ? undefined : new URL(config.publicUrl)
  const origins = new Set([...config.allowedOrigins, ...(publicUrl === undefined ? [] : [publicUrl.origin])])
  const keys = config.apiKeys.map((key) => digest(Redacted.value(key)))
  const byHook = config.authentication === "hook"
  const localOnly = keys.length === 0 && !byHook && isLoopback(config.host)
  const ownHosts = new Set(Array.from(origins, (origin) => new URL(origin).hostname))

  const sameOrigin = (origin: string, host: string | undefined): boolean =>
    host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase()

  const foreignPage = (request: HttpServerRequest.HttpServerRequest): boolean => {
    const origin = request.headers["origin"]
    return origin !== undefined && !origins.has(origin) && !sameOrigin(origin, request.headers["host"])
  }

  const authorized = (request: HttpServerRequest.HttpServerRequest): boolean => {
    const given = Principal.bearerOf(request.headers)
    if (given === undefined) return false
    const hash = digest(given)
    // Every key is compared, so that time does not tell which one was close.
    return keys.reduce((found, key) => Crypto.timingSafeEqual(key, hash) || found, false)
  }

  return {
    refuse: (request) => {
      const path = pathOf(request.url)
      const host = request.headers["host"]
      const probe = path.startsWith("/health/")
      if (host === undefined && !probe) return Problem.http("malformed_request", "expected a Host header")
      if (localOnly && host !== undefined && !probe) {
        const name = hostOf(host)
        if (!isLoopback(name) && !ownHosts.has(name.toLowerCase())) {
          return Problem.fromError(
            new AuthorizationFailed({
              op,
              message: "this server only answers to names of its own machine; behind a proxy, set server.public_url",
              details: { reason: "host_not_allowed" }
            })
          )
        }
      }
      if (foreignPage(request) && (!safeMethods.has(request.method) || request.headers["upgrade"] !== undefined)) {
        return Problem.fromError(
          new AuthorizationFailed({
            op,
            message: "pages of this origin may not use the API; add it to server.allowed_origins if they should",
            details: { reason: "origin_not_allowed" }
          })
        )
      }
      if (request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined) {
        return foreignPage(request)
          ? HttpServerResponse.empty({ status: 403 })
          : HttpServerResponse.empty({ headers: preflight })
      }
      // else the hook is asked by whoever handles it, since it takes its time
      if (keys.length > 0 && !byHook && !keyless.has(path) && !authorized(request)) {
        return Problem.fromError(
          new AuthenticationFailed({ op, message: "an API key is needed: send it as Authorization: Bearer <key>" })
        )
      }
      return undefined
    },
    credential: (request) => {
      if (!byHook || authorized(request)) return { _tag: "Trusted" }
      const token = Principal.bearerOf(request.headers)
      return { _tag: "User", token: token === undefined ? undefined : Redacted.make(token) }
    },
    protect: (request, response) => {
      const origin = request.headers["origin"]
      const policy = response.headers["content-security-policy"] ?? (pathOf(request.url) === "/docs" ? docs : closed)
      const shared = origin !== undefined && origins.has(origin)
      return HttpServerResponse.setHeaders(response, {
        ...headers,
        "content-security-policy": policy,
        "cross-origin-resource-policy": shared ? "cross-origin" : "same-origin",
        ...(origins.size > 0 ? { vary: "Origin" } : {}),
        ...(shared
          ? { "access-control-allow-origin": origin, "access-control-expose-headers": "location, retry-after" }
          : {})
      })
    }
  }
}

const digest = (text: string): Buffer => Crypto.createHash("sha256").update(text).digest()
