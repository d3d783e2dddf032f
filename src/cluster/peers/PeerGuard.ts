/**
 * Lets only other nodes of the cluster use a route: a request must be signed by one of them, for this node, not long ago, and
 * must not have been let in before.
 *
 * A stranger learns nothing but that it is not let in; the log says why, at most once in 10 s.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import type { ProviderRoute } from "../../backend/provider/ProviderInfo.ts"
import { AuthenticationFailed, ConnectionFailed } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as Problem from "../../transport/Problem.ts"
import type { Handler } from "../engine/ClusterEngine.ts"
import { NonceMemory, type Refusal, WINDOW_MS } from "./NonceMemory.ts"
import * as RequestSignature from "./RequestSignature.ts"

const op = "VoiceCluster.internal"

/** More than any request between nodes has. */
const MAX_BODY_BYTES = 1_048_576
/** Requests that were signed so long before this process began are refused: it cannot know whether it has seen them. */
const BEFORE_START_MS = 2_000
const LOG_EVERY_MS = 10_000

/**
 * - `keys`: the keys of the cluster that count now.
 * - `self`: the host and port at which others ask this node; `undefined` while it is not known.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerGuardOptions {
  readonly keys: () => ReadonlyArray<Uint8Array>
  readonly self: () => string | undefined
}

const reasons: { readonly [reason in Refusal | "unsigned" | "signature" | "body"]: string } = {
  unsigned: "it has no signature",
  signature: "its signature is not of this cluster, or not for this node",
  too_old: `it is older than this node remembers; are the clocks of the machines more than ${
    WINDOW_MS / 1_000
  } s apart?`,
  from_the_future: `its time is in the future; are the clocks of the machines more than ${WINDOW_MS / 1_000} s apart?`,
  replayed: "it was let in before",
  body: "its body is not the one that was signed"
}

const refused = Problem.errorResponse(
  new AuthenticationFailed({ op, message: "this is for the nodes of a cluster" })
)

const notYet = Problem.errorResponse(
  new ConnectionFailed({ op, message: "this node has not joined its cluster yet", details: { retryAfterMs: 1_000 } })
)

/**
 * Makes the guard: a function that puts a route behind it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*({ keys, self }: PeerGuardOptions) {
  const clock = yield* Clock.Clock
  const memory = new NonceMemory({ sinceMs: clock.currentTimeMillisUnsafe() - BEFORE_START_MS })
  let loggedMs = Number.NEGATIVE_INFINITY
  let unlogged = 0

  const refuse = (why: keyof typeof reasons, request: HttpServerRequest.HttpServerRequest) =>
    Effect.suspend(() => {
      const now = MonotonicTime.nowMs(clock)
      if (now - loggedMs < LOG_EVERY_MS) {
        unlogged += 1
        return Effect.succeed(refused)
      }
      const more = unlogged
      loggedMs = now
      unlogged = 0
      return Effect.logWarning(`a request between nodes was refused: ${reasons[why]}`).pipe(
        Effect.annotateLogs({
          reason: why,
          from: Option.getOrElse(request.remoteAddress, () => "unknown"),
          ...(more === 0 ? {} : { more })
        }),
        Effect.as(refused)
      )
    })

  /** Why a request is not let in. Its body is read last: a stranger's is not read at all. */
  const check = Effect.fnUntraced(function*(request: HttpServerRequest.HttpServerRequest, to: string) {
    const header = request.headers[RequestSignature.HEADER]
    if (header === undefined) return "unsigned"
    const path = RequestSignature.signedPath(request.originalUrl)
    const signed = path === undefined
      ? undefined
      : RequestSignature.verify(keys(), header, { to, method: request.method, path })
    if (signed === undefined) return "signature"
    const refusal = memory.take(signed.nonce, signed.atMs, clock.currentTimeMillisUnsafe())
    if (refusal !== undefined) return refusal
    const body = yield* request.arrayBuffer.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, BigInt(MAX_BODY_BYTES)),
      Effect.orElseSucceed(() => undefined)
    )
    return body !== undefined && RequestSignature.isBody(signed.digest, new Uint8Array(body)) ? undefined : "body"
  })

  return (method: "GET" | "POST", path: `/internal/${string}`, handler: Handler): ProviderRoute =>
    HttpRouter.route(
      method,
      path,
      Effect.gen(function*(): Effect.gen.Return<
        HttpServerResponse.HttpServerResponse,
        never,
        HttpServerRequest.HttpServerRequest | Effect.Services<Handler>
      > {
        const request = yield* HttpServerRequest.HttpServerRequest
        const to = self()
        if (to === undefined) return notYet
        const why = yield* check(request, to)
        return why === undefined ? yield* handler : yield* refuse(why, request)
      })
    )
})

/**
 * What puts a route behind the guard.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerGuard = Effect.Success<ReturnType<typeof make>>
