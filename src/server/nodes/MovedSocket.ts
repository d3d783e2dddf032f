/**
 * Tells a client that follows where its session is, over the WebSocket that it has opened to the wrong node.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { IncomingMessage } from "node:http"
import { WebSocketServer } from "ws"
import { ConnectionFailed } from "../../BackendError.ts"
import * as SessionEvent from "../../session/SessionEvent.ts"
import { closeCodes } from "../../transport/websocket/CloseCodes.ts"
import { MOVED_SUBPROTOCOL } from "../../transport/websocket/WebSocketConnection.ts"

// Only its handshake is used.
const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: 1_024,
  perMessageDeflate: false,
  handleProtocols: (offered) => offered.has(MOVED_SUBPROTOCOL) ? MOVED_SUBPROTOCOL : false
})

// `ws` answers what is wrong with a handshake by itself.
const CLOSE_WITHIN = Duration.seconds(5)

/**
 * Whether the client of a request follows `session.moved`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isOffered = (subprotocols: string | undefined): boolean =>
  subprotocols?.split(",").some((each) => each.trim() === MOVED_SUBPROTOCOL) === true

/**
 * Does the handshake, sends the event and closes. Fails `connection_failed` when the handshake is refused or the socket is
 * closed.
 *
 * @category running
 * @since 0.1.0
 */
export const send = Effect.fnUntraced(function*(request: IncomingMessage, url: string) {
  const atMs = yield* Clock.currentTimeMillis
  const { socket } = request
  yield* Effect.callback<void, ConnectionFailed>((resume) => {
    const refused = () =>
      resume(Effect.fail(new ConnectionFailed({ op: "Server.moved", message: "WebSocket handshake not completed" })))
    if (socket.destroyed) return refused()
    socket.once("close", refused)
    server.handleUpgrade(request, socket, Buffer.alloc(0), (webSocket) => {
      socket.off("close", refused)
      webSocket.on("error", () => {})
      webSocket.once("close", () => resume(Effect.void))
      webSocket.send(SessionEvent.toJson({ type: "session.moved", seq: 0, atMs, url }))
      webSocket.close(closeCodes.moved.code, closeCodes.moved.reason)
    })
  }).pipe(
    Effect.timeoutOption(CLOSE_WITHIN),
    Effect.ensuring(Effect.sync(() => socket.destroy()))
  )
})
