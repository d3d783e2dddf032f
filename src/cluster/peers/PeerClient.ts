/**
 * The HTTP client of a node: what it sends to `/internal` of another node is signed.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import Undici from "@effect/platform-node/Undici"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type { PeerTrust } from "./PeerTrust.ts"
import * as RequestSignature from "./RequestSignature.ts"

/** A node on a network answers a connect within milliseconds; one that is gone never does. */
const CONNECT_MS = 1_000
/** An idle connection is closed before the server, which keeps one for 5 s, may do so under a request. */
const KEEP_ALIVE_MS = 4_000

const bytesOf = (body: HttpBody.HttpBody): Uint8Array | undefined =>
  body._tag === "Empty" ? new Uint8Array() : body._tag === "Uint8Array" ? body.body : undefined

/** Signs a request as it is sent. A stream has no digest before it has been sent. */
const signed = (
  key: () => Uint8Array,
  request: HttpClientRequest.HttpClientRequest,
  { host, pathname, port, protocol, search, hostname }: URL
): Effect.Effect<HttpClientRequest.HttpClientRequest, HttpClientError.HttpClientError> =>
  Effect.gen(function*() {
    const path = RequestSignature.signedPath(pathname + search)
    if (path === undefined) return request
    const body = bytesOf(request.body)
    if (body === undefined) {
      return yield* new HttpClientError.HttpClientError({
        reason: new HttpClientError.EncodeError({ request, description: "only bytes can be signed" })
      })
    }
    const atMs = yield* Clock.currentTimeMillis
    const header = RequestSignature.sign(key(), {
      to: port === "" ? `${hostname}:${protocol === "https:" ? 443 : 80}` : host,
      method: request.method,
      path,
      digest: RequestSignature.digestOf(body),
      atMs,
      nonce: randomBytes(16).toString("base64url")
    })
    return HttpClientRequest.setHeader(request, RequestSignature.HEADER, header)
  })

/**
 * Makes the client for as long as the scope. `key` is the present key of the cluster.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { key, trust }: { readonly key: () => Uint8Array; readonly trust: PeerTrust }
): Effect.fn.Return<HttpClient.HttpClient, never, Scope.Scope> {
  const dispatcher = yield* NodeHttpClient.makeDispatcherOptions({
    keepAliveTimeout: KEEP_ALIVE_MS,
    // the certificates that are trusted may change
    connect: (options, callback) =>
      Undici.buildConnector({ timeout: CONNECT_MS, ...trust.options() })(options, callback)
  })
  const plain = yield* Effect.provideService(NodeHttpClient.makeUndici, NodeHttpClient.Dispatcher, dispatcher)
  return HttpClient.make((request, url) => Effect.flatMap(signed(key, request, url), (each) => plain.execute(each)))
})
