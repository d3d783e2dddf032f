/**
 * The route of a carrier's media streams, `GET /telephony/{carrier}/media`.
 *
 * The handshake is checked before the upgrade, where the carrier signs it; the stream's first messages tell its call, which is checked next.
 * Only then does the call get a session. The request's fiber lives as long as the stream.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { CurrentPeer, type ProviderRoute, speaking } from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import { finalizeWithin } from "../../Deadline.ts"
import * as MediaConnection from "../../protocols/MediaConnection.ts"
import * as MediaOpening from "../../protocols/MediaOpening.ts"
import type { MediaProtocol, MediaStart } from "../../protocols/MediaProtocol.ts"
import type { SilenceClock } from "../../protocols/SilenceClock.ts"
import * as Problem from "../../transport/Problem.ts"
import type { MessageSocket } from "../../transport/websocket/MessageSocket.ts"
import * as SocketUpgrade from "../SocketUpgrade.ts"
import type { Call } from "./Call.ts"

/** How long a stream may take to tell its call. */
const START_DEADLINE = "10 seconds"
/** The close codes of a stream that is not let in, RFC 6455 §7.4.1. */
const POLICY_VIOLATION = 1008
const TRY_AGAIN_LATER = 1013
const CLOSE_TIMEOUT = "1 second"
const CLOSED = 3
/** What is not the caller's fault, and may be otherwise when the carrier tries again. */
const later: ReadonlySet<BackendError["code"]> = new Set([
  "session_limit_exceeded",
  "rate_limit_exceeded",
  "connection_failed"
])

/** The media stream that each call has now: the end of one that was replaced is not the end of the call. */
const currentStreams = new WeakMap<Call["link"], MessageSocket>()
/** All calls come from the carrier's few addresses: limits by address are not for them, but those by caller are. */
const CARRIER = {}

/**
 * - `admit`: checks the handshake of a stream.
 * - `callOf`: the call that a stream tells, once it has been checked; in the scope of the stream.
 * - `returns`: see `Carrier`.
 * - `silence`: see `CarrierHost`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MediaRouteOptions {
  readonly path: `/${string}`
  readonly protocol: MediaProtocol
  readonly admit: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void, BackendError>
  readonly callOf: (
    start: MediaStart,
    request: HttpServerRequest.HttpServerRequest
  ) => Effect.Effect<Call, BackendError, Scope.Scope>
  readonly returns: boolean
  readonly silence: SilenceClock["Service"]
}

/**
 * Closes a stream that is not let in; the carrier sees the code of the error.
 *
 * @category operations
 * @since 0.1.0
 */
export const refuse = (socket: MessageSocket, { code }: BackendError): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.readyState === CLOSED) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    // its answer is read
    socket.resume()
    socket.close(later.has(code) ? TRY_AGAIN_LATER : POLICY_VIOLATION, code)
  }).pipe(finalizeWithin(CLOSE_TIMEOUT), Effect.andThen(Effect.logInfo(`a media stream was refused: ${code}`)))

/**
 * A stream on an open socket, from its first message to its end. The socket is not closed by it.
 *
 * @category operations
 * @since 0.1.0
 */
export const carry = Effect.fnUntraced(function*(
  socket: MessageSocket,
  { callOf, protocol, returns, silence }: Pick<MediaRouteOptions, "protocol" | "returns" | "silence"> & {
    readonly callOf: (start: MediaStart) => Effect.Effect<Call, BackendError, Scope.Scope>
  }
): Effect.fn.Return<void, BackendError, Scope.Scope> {
  const opened = yield* MediaOpening.read(socket, protocol, START_DEADLINE)
  const call = yield* Effect.provideService(callOf(opened.start), CurrentPeer, CARRIER)
  yield* call.link.enter(CARRIER)
  currentStreams.set(call.link, socket)
  const ended = () => {
    if (currentStreams.get(call.link) !== socket || call.isTransferring()) return
    call.emit({ type: "call.ended", cause: "user_hung_up" })
  }
  const { closed, connection } = yield* MediaConnection.make(socket, {
    protocol,
    start: opened.start,
    silence,
    arrived: opened.take,
    stopped: ended
  })
  yield* call.link.attach(connection)
  yield* closed
  if (!returns) ended()
})

/**
 * The same, of a request whose socket has been accepted.
 *
 * @category operations
 * @since 0.1.0
 */
export const serve = (
  socket: MessageSocket,
  request: HttpServerRequest.HttpServerRequest,
  { callOf, ...options }: Pick<MediaRouteOptions, "callOf" | "protocol" | "returns" | "silence">
): Effect.Effect<void, BackendError, Scope.Scope> =>
  carry(socket, { ...options, callOf: (start) => callOf(start, request) })

/**
 * @category routes
 * @since 0.1.0
 */
export const make = (options: MediaRouteOptions): ProviderRoute => {
  const handle = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      yield* options.admit(request)
      if (!(yield* SocketUpgrade.isPossible(request))) return SocketUpgrade.expected()
      const socket = yield* SocketUpgrade.accept(request, options.protocol.subprotocols ?? [])
      yield* Effect.catch(serve(socket, request, options), (error) => refuse(socket, error))
      return HttpServerResponse.empty()
    },
    Effect.scoped,
    Effect.catch((error: BackendError) => Effect.succeed(Problem.errorResponse(error)))
  )
  return speaking(options.protocol.name, HttpRouter.route("GET", options.path, handle))
}
