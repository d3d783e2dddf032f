/**
 * A session's audio over a WebSocket, whatever the frames mean: `GET /v1/sessions/:id/…`.
 *
 * The request's fiber lives as long as the socket, and its scope is the connection's. Everything that can be refused is
 * refused with problem JSON before the upgrade.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { IncomingMessage } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import { frameMs, isSampleRate, maxSampleRate, minSampleRate } from "../audio/AudioFormat.ts"
import type { ProviderRoute } from "../backend/provider/BackendProvider.ts"
import { ConnectionFailed, InvalidConfig } from "../BackendError.ts"
import * as Problem from "../transport/Problem.ts"
import * as WebSocketConnection from "../transport/WebSocketConnection.ts"
import type { MakeProtocol, SampleRates } from "../transport/WebSocketProtocol.ts"
import { peerOf, queryOf, tokenOf } from "./RouteRequest.ts"
import type { SessionLinks } from "./SessionLinks.ts"

const op = "BackendProvider.audio"

// Only its handshake is used: it listens to nothing and holds nothing.
const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: WebSocketConnection.MAX_PAYLOAD_BYTES,
  perMessageDeflate: false,
  // Pings are answered by the connection, which does not let the answers pile up.
  autoPong: false,
  // The token's subprotocol must never be the one that is chosen, and so sent back.
  handleProtocols: (offered) => offered.has(WebSocketConnection.SUBPROTOCOL) ? WebSocketConnection.SUBPROTOCOL : false
})

server.on("wsClientError", (error, socket) => {
  const problem = Problem.fromError(
    new InvalidConfig({ op, message: `invalid WebSocket handshake: ${error.message}` })
  )
  socket.end(Problem.toBytes(problem, { "sec-websocket-version": "13" }), () => socket.destroy())
})

const rateOf = (query: URLSearchParams, name: string, fallback: number): Effect.Effect<number, InvalidConfig> => {
  const text = query.get(name)
  if (text === null) return Effect.succeed(fallback)
  const rate = /^\d{4,5}$/.test(text) ? Number(text) : Number.NaN
  return isSampleRate(rate)
    ? Effect.succeed(rate)
    : Effect.fail(new InvalidConfig({ op, message: `${name}: expected ${minSampleRate} to ${maxSampleRate} Hz` }))
}

/** How many frames of 20 ms go into one message. */
const gatheredOf = (query: URLSearchParams): Effect.Effect<number, InvalidConfig> => {
  const text = query.get("chunk_ms")
  if (text === null) return Effect.succeed(1)
  const ms = /^\d{2,3}$/.test(text) ? Number(text) : Number.NaN
  return ms >= frameMs && ms <= frameMs * WebSocketConnection.MAX_FRAMES_PER_MESSAGE
    ? Effect.succeed(Math.floor(ms / frameMs))
    : Effect.fail(
      new InvalidConfig({
        op,
        message: `chunk_ms: expected ${frameMs} to ${frameMs * WebSocketConnection.MAX_FRAMES_PER_MESSAGE} ms`
      })
    )
}

/**
 * Does the handshake on the request's own socket. Effect's server has not touched it, and when the socket is destroyed
 * at the end it writes no response either.
 */
const upgrade = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.acquireRelease(
    Effect.callback<WebSocket, ConnectionFailed>((resume) => {
      const source = request.source
      const refused = () =>
        resume(Effect.fail(new ConnectionFailed({ op, message: "the WebSocket handshake was not completed" })))
      if (!(source instanceof IncomingMessage) || source.socket.destroyed) return refused()
      const { socket } = source
      socket.once("close", refused)
      server.handleUpgrade(source, socket, Buffer.alloc(0), (webSocket) => {
        socket.off("close", refused)
        // Nothing may arrive before somebody listens.
        webSocket.pause()
        resume(Effect.succeed(webSocket))
      })
    }),
    (webSocket) => Effect.sync(() => webSocket.terminate())
  )

/**
 * - `path`: with `:id` in it.
 * - `rates`: what the frames are at unless the query says otherwise (`input_rate`, `output_rate`). A client that may wait
 *   for larger pieces of the agent's audio says so, too (`chunk_ms`, 20 to 100).
 * - `protocol`: what they mean. Default: our own.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketRouteOptions {
  readonly path: HttpRouter.PathInput
  readonly links: SessionLinks
  readonly rates: SampleRates
  readonly protocol?: MakeProtocol | undefined
}

/**
 * @category routes
 * @since 0.1.0
 */
export const make = ({ links, path, protocol, rates }: SocketRouteOptions): ProviderRoute => {
  const handle = Effect.fnUntraced(
    function*(request: HttpServerRequest.HttpServerRequest) {
      const { id = "" } = yield* HttpRouter.params
      const link = yield* links.authenticate(id, tokenOf(request))
      const query = queryOf(request)
      const inputSampleRate = yield* rateOf(query, "input_rate", rates.inputSampleRate)
      const outputSampleRate = yield* rateOf(query, "output_rate", rates.outputSampleRate)
      const gathered = yield* gatheredOf(query)
      // Lazy: this only tells whether the request can be upgraded.
      const upgradable = yield* Effect.exit(request.upgrade)
      if (Exit.isFailure(upgradable) || request.headers["upgrade"]?.toLowerCase() !== "websocket") {
        return Problem.errorResponse(new InvalidConfig({ op, message: "expected a WebSocket handshake" }), 426)
      }
      yield* link.enter(yield* peerOf(request))
      const webSocket = yield* upgrade(request)
      const { connection, closed } = yield* WebSocketConnection.make(webSocket, {
        inputSampleRate,
        outputSampleRate,
        framesPerMessage: gathered,
        protocol
      })
      yield* link.attach(connection)
      yield* closed
      return HttpServerResponse.empty()
    },
    Effect.scoped,
    (effect) => Effect.catch(effect, (error) => Effect.succeed(Problem.errorResponse(error)))
  )
  return HttpRouter.route("GET", path, handle)
}
