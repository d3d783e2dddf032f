/**
 * Turns a request of a route into a WebSocket, on the request's own socket. Effect's server has not written to it, and writes no
 * response when the socket is destroyed at the end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import { IncomingMessage } from "node:http"
import { type WebSocket, WebSocketServer } from "ws"
import { ConnectionFailed, InvalidConfig } from "../BackendError.ts"
import * as Problem from "../transport/Problem.ts"
import * as WebSocketConnection from "../transport/websocket/WebSocketConnection.ts"

const op = "BackendProvider.audio"

/** Only its handshake is used: it does not listen, and keeps no list of clients. */
const makeServer = (subprotocols: ReadonlyArray<string>, maxPayload: number): WebSocketServer => {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload,
    perMessageDeflate: false,
    // The connection answers pings itself, and bounds the queue of pongs.
    autoPong: false,
    // Never select the token's subprotocol: the selected one is sent back.
    handleProtocols: (offered) => subprotocols.find((each) => offered.has(each)) ?? false
  })

  server.on("wsClientError", (error, socket) => {
    const problem = Problem.fromError(
      new InvalidConfig({ op, message: `invalid WebSocket handshake: ${error.message}` })
    )
    socket.end(Problem.toBytes(problem, { "sec-websocket-version": "13" }), () => socket.destroy())
  })
  return server
}

const native = makeServer([WebSocketConnection.SUBPROTOCOL], WebSocketConnection.MAX_PAYLOAD_BYTES)
const others = new Map<string, WebSocketServer>()

/** One for each set of subprotocols and length, of which the protocols that are known have few. */
const serverFor = (subprotocols: ReadonlyArray<string> | undefined, maxPayload: number): WebSocketServer => {
  if (subprotocols === undefined) return native
  const key = [...subprotocols, maxPayload].join(",")
  const known = others.get(key) ?? makeServer(subprotocols, maxPayload)
  others.set(key, known)
  return known
}

/**
 * Whether a request asks for a WebSocket, and can have one.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPossible = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<boolean> =>
  // the effect is lazy: this only checks that the request can be upgraded
  Effect.map(
    Effect.exit(request.upgrade),
    (upgradable) => Exit.isSuccess(upgradable) && request.headers["upgrade"]?.toLowerCase() === "websocket"
  )

/**
 * The answer to a request that asks for none.
 *
 * @category responses
 * @since 0.1.0
 */
export const expected = (): HttpServerResponse.HttpServerResponse =>
  Problem.errorResponse(new InvalidConfig({ op, message: "expected a WebSocket handshake" }), 426)

/**
 * Does the handshake. The socket is paused: no message may arrive before somebody listens. It is destroyed when the scope is closed.
 * `subprotocols`: of which the first that is offered is selected; default: our own. `maxPayload`: of a message, in bytes, beyond which the
 * socket is closed with 1009; default: 64 KiB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const accept = (
  request: HttpServerRequest.HttpServerRequest,
  subprotocols?: ReadonlyArray<string>,
  maxPayload = WebSocketConnection.MAX_PAYLOAD_BYTES
): Effect.Effect<WebSocket, ConnectionFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<WebSocket, ConnectionFailed>((resume) => {
      const source = request.source
      const refused = () =>
        resume(Effect.fail(new ConnectionFailed({ op, message: "WebSocket handshake not completed" })))
      if (!(source instanceof IncomingMessage) || source.socket.destroyed) return refused()
      const { socket } = source
      socket.once("close", refused)
      serverFor(subprotocols, maxPayload).handleUpgrade(source, socket, Buffer.alloc(0), (webSocket) => {
        socket.off("close", refused)
        // No message may arrive before the connection listens.
        webSocket.pause()
        resume(Effect.succeed(webSocket))
      })
    }),
    (webSocket) => Effect.sync(() => webSocket.terminate())
  )
