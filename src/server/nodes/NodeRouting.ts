/**
 * What a node does with a request for a session that another node has: a client that follows is told where, every other request
 * is passed on.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { IncomingMessage } from "node:http"
import type { Elsewhere, OtherNodes } from "../../backend/provider/OtherNodes.ts"
import type { VoiceBackend } from "../../backend/VoiceBackend.ts"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import { WINDOW_MS } from "../../cluster/peers/NonceMemory.ts"
import type * as PeerTrust from "../../cluster/peers/PeerTrust.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as BackendMetrics from "../../telemetry/BackendMetrics.ts"
import * as ForwardedAnswer from "./ForwardedAnswer.ts"
import * as ForwardedProof from "./ForwardedProof.ts"
import * as MovedSocket from "./MovedSocket.ts"
import * as NodeSocket from "./NodeSocket.ts"
import * as NodeWatch from "./NodeWatch.ts"
import * as RequestTarget from "./RequestTarget.ts"
import * as SplicedSocket from "./SplicedSocket.ts"

/**
 * So many sockets of clients are spliced at once; a further request is refused, and may be tried again: 4,096.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_SPLICED = 4_096

/** A store that has lost its secrets gets this one back, or has another by then. */
const OFFER_EVERY = "1 minute"
const SECRET = "forwarded_requests"
/** Secrets that other nodes may still sign with. */
const MAX_KEYS = 4

/**
 * How a request came: from a client, with `address` `undefined`; from another node, with the address that it names, if any;
 * or as one that claims so and is not, with the `reason` that the answer names.
 *
 * @category models
 * @since 0.1.0
 */
export type Received =
  | { readonly _tag: "Client" }
  | { readonly _tag: "Node"; readonly address: string | undefined }
  | { readonly _tag: "Refused"; readonly reason: string }

/**
 * @category models
 * @since 0.1.0
 */
export interface NodeRouting {
  readonly receive: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<Received>
  /** The other nodes for a request of the client at this address. */
  readonly nodesFor: (received: Received, address: string | undefined) => OtherNodes
  /** Completes when no socket is spliced. */
  readonly idle: Effect.Effect<void>
}

const op = "VoiceCluster.locate"

const fromClient: Effect.Effect<Received> = Effect.succeed({ _tag: "Client" })

/** How often a refusal is logged. */
const WARN_EVERY_MS = 60_000

const movedUrl = (nodeUrl: string, tail: string): string =>
  `${nodeUrl.replace(/\/+$/, "").replace(/^http/, "ws")}${RequestTarget.withoutToken(tail)}`

/**
 * - `trust`: which certificates of other nodes are trusted.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeRoutingOptions {
  readonly trust: PeerTrust.PeerTrust
}

/** A warning once in a minute: whoever makes such requests must not fill the log. */
const occasionally = (clock: Clock.Clock, message: string) => {
  let warnedAt = Number.NEGATIVE_INFINITY
  return (reason: string) =>
    Effect.suspend(() => {
      const now = MonotonicTime.nowMs(clock)
      if (now - warnedAt < WARN_EVERY_MS) return Effect.void
      warnedAt = now
      return Effect.logWarning(message, { reason })
    })
}

/** Whoever has signed it is a node, so it may know. */
const isClock = (reason: string): boolean => reason === "too_old" || reason === "from_the_future"

/** The secret of the nodes, and those that they had before. */
const sharedKeys = Effect.fnUntraced(function*(store: NonNullable<VoiceBackend["Service"]["store"]>) {
  const candidate = randomBytes(32).toString("hex")
  let keys: readonly [string, ...ReadonlyArray<string>] = [yield* store.secret(SECRET, candidate)]
  yield* Effect.suspend(() => store.secret(SECRET, keys[0])).pipe(
    Effect.tap((current) =>
      Effect.sync(() => {
        keys = [current, ...keys.filter((each) => each !== current).slice(0, MAX_KEYS - 1)]
      })
    ),
    // a store that is away has its own warnings
    Effect.ignore,
    Effect.delay(OFFER_EVERY),
    Effect.forever,
    Effect.forkScoped
  )
  return () => keys
})

/**
 * Makes the routing of a clustered backend; `undefined` for one that is not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { config, locate, provider, store }: VoiceBackend["Service"],
  { trust }: NodeRoutingOptions
): Effect.fn.Return<NodeRouting | undefined, BackendError, Scope.Scope> {
  if (locate === undefined || store === undefined) return undefined
  const clock = yield* Clock.Clock
  const proof = ForwardedProof.make({
    keys: yield* sharedKeys(store),
    nowMs: () => clock.currentTimeMillisUnsafe()
  })
  const noneSpliced = yield* Latch.make(true)
  let spliced = 0

  const watch = yield* NodeWatch.make(locate)
  const connections = yield* BackendMetrics.connectionsPassedOn(provider.name)
  const { enableMetrics } = yield* config
  const count = (change: number) => enableMetrics ? connections(change) : undefined

  const warn = occasionally(clock, "refused a request that claims to be passed on by another node")
  const warnOfRefusal = occasionally(
    clock,
    `another node refused what this one passed on; are the clocks of the machines more than ${
      WINDOW_MS / 1_000
    } s apart?`
  )

  const slot = Effect.acquireRelease(
    Effect.suspend(() => {
      if (spliced >= MAX_SPLICED) {
        return Effect.fail(
          new ConnectionFailed({
            op,
            message: `this node passes on ${MAX_SPLICED} connections already; try again`,
            details: { limit: MAX_SPLICED, retryAfterMs: 1_000 }
          })
        )
      }
      spliced++
      count(1)
      return noneSpliced.close
    }),
    () =>
      Effect.suspend(() => {
        count(-1)
        return --spliced === 0 ? noneSpliced.open : Effect.void
      })
  )

  const pass = Effect.fnUntraced(
    function*(
      request: HttpServerRequest.HttpServerRequest,
      place: Elsewhere,
      client: string | undefined
    ) {
      const { method, url } = RequestTarget.lineOf(request)
      const tail = RequestTarget.tailOf(url)
      const { source } = request
      // without `Connection: upgrade` it is a plain request, whose socket is still read for further ones
      const isUpgrade = source instanceof IncomingMessage && request.headers["upgrade"] !== undefined &&
        Exit.isSuccess(yield* Effect.exit(request.upgrade))
      if (
        isUpgrade && place.nodeUrl !== undefined && MovedSocket.isOffered(request.headers["sec-websocket-protocol"])
      ) {
        yield* MovedSocket.send(source, movedUrl(place.nodeUrl, tail))
        return HttpServerResponse.empty()
      }
      const address = new URL(place.address)
      const target = `${address.pathname.replace(/\/+$/, "")}${tail}`
      const header = [ForwardedProof.HEADER, proof.sign({ method, url: target }, client)] as const
      if (isUpgrade) yield* slot
      const socket = yield* NodeSocket.open(address, trust)
      if (!isUpgrade) return yield* ForwardedAnswer.forward(request, socket, target, header)
      yield* Effect.raceFirst(
        SplicedSocket.run(source.socket, socket, SplicedSocket.headOf(source, target, header)),
        watch.gone(RequestTarget.idOf(url), place.address, socket)
      )
      return HttpServerResponse.empty()
    },
    Effect.scoped,
    (passed, _request, { unanswered = Effect.void }) =>
      Effect.tapError(passed, ({ cause, code, details }) => {
        const reason = details?.["reason"]
        if (reason === NodeSocket.UNREACHABLE || code === "connection_timeout") return unanswered
        return reason === NodeSocket.REFUSED ? warnOfRefusal(String(cause)) : Effect.void
      })
  )

  return {
    receive: (request) => {
      const given = request.headers[ForwardedProof.HEADER]
      if (given === undefined) return fromClient
      const verified = proof.verify(RequestTarget.lineOf(request), given)
      return typeof verified === "string"
        ? Effect.as(warn(verified), { _tag: "Refused", reason: isClock(verified) ? verified : "refused" })
        : Effect.succeed({ _tag: "Node", ...verified })
    },
    nodesFor: (received, client) => ({
      find: Effect.fnUntraced(function*(id) {
        const place = yield* locate(id)
        if (place._tag !== "There") return undefined
        if (received._tag === "Client") return place
        return yield* new ConnectionFailed({
          op,
          message: "the session is being moved to another node; try again",
          details: { reason: "session_moving", retryAfterMs: 500 }
        })
      }),
      pass: (request, place) => pass(request, place, client)
    }),
    idle: noneSpliced.await
  }
})
