/**
 * One WebSocket to a session: the handshake, keep-alive pings, and what its close code means for the call.
 *
 * @since 0.1.0
 */
import { parseServerMessage } from "../protocol/ClientProtocol.ts"
import { type ClientMessage, closeCodes, SUBPROTOCOL } from "../protocol/WireProtocol.ts"
import { handshakeRefusal, sessionUrl } from "../SessionApi.ts"
import { sessionReplaced, VoiceClientError } from "../VoiceClientError.ts"
import type { Link, LinkHandlers, SessionTarget } from "./CallMedia.ts"

/** How often a ping goes out; a link whose last ping is unanswered when the next is due counts as dead. */
const PING_INTERVAL_MS = 10_000
const OPEN_TIMEOUT_MS = 10_000

/** The errors of close codes after which the client stops although the session is not over. */
const errorsByReason: { readonly [reason: string]: () => VoiceClientError } = {
  replaced: sessionReplaced,
  rate_limited: () =>
    new VoiceClientError("rate_limit_exceeded", "You have used up the audio that this server allows. Try again later.")
}

/**
 * What a close code means for the call.
 *
 * @category conversions
 * @since 0.1.0
 */
export const lossOf = (code: number): Parameters<LinkHandlers["lost"]>[0] => {
  const known = closeCodes[code]
  if (known?.client !== "stop") return {}
  const error = errorsByReason[known.reason]?.()
  return error === undefined ? { closed: true } : { error }
}

/**
 * Sends a message if the socket is open.
 *
 * @category mutations
 * @since 0.1.0
 */
export const sendMessage = (socket: WebSocket, message: ClientMessage): void => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}

/**
 * Opens a socket to a session. Rejects with a `VoiceClientError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openSocket = async (target: SessionTarget, signal: AbortSignal): Promise<WebSocket> => {
  const socket = new WebSocket(
    `${sessionUrl(target).replace(/^http/, "ws")}/audio`,
    target.token === "" ? [SUBPROTOCOL] : [SUBPROTOCOL, `token.${target.token}`]
  )
  socket.binaryType = "arraybuffer"
  await handshake(socket, target, signal)
  return socket
}

const handshake = (socket: WebSocket, target: SessionTarget, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener("abort", onAbort)
      socket.onopen = null
      socket.onclose = null
      done()
    }
    const fail = (error: VoiceClientError) =>
      settle(() => {
        socket.close()
        reject(error)
      })
    const onAbort = () => fail(new VoiceClientError("aborted", "The call was cancelled."))
    const timer = setTimeout(
      () => fail(new VoiceClientError("connection_timeout", "The server did not answer in time.")),
      OPEN_TIMEOUT_MS
    )
    signal.addEventListener("abort", onAbort)
    if (signal.aborted) return onAbort()
    socket.onopen = () => settle(resolve)
    socket.onclose = () =>
      void handshakeRefusal(target, signal).then((refusal) =>
        fail(refusal ?? new VoiceClientError("connection_failed", "The server cannot be reached."))
      )
  })

/**
 * Makes the link of an open socket. `onAudio` takes binary messages; `onGone` is called once, when the socket is lost or
 * closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeLink = (
  socket: WebSocket,
  handlers: LinkHandlers,
  onAudio: (data: ArrayBuffer) => void,
  onGone: () => void
): Link => {
  let awaitingPong = false
  const end = (code?: number) => {
    clearInterval(ping)
    socket.onmessage = null
    socket.onclose = null
    socket.close(code)
    onGone()
  }
  const ping = setInterval(() => {
    if (awaitingPong) {
      end()
      return handlers.lost({})
    }
    awaitingPong = true
    sendMessage(socket, { type: "ping" })
  }, PING_INTERVAL_MS)
  socket.onmessage = (event: MessageEvent<unknown>) => {
    // Whatever comes shows that the server is alive.
    awaitingPong = false
    if (event.data instanceof ArrayBuffer) return onAudio(event.data)
    const message = typeof event.data === "string" ? parseServerMessage(event.data) : undefined
    if (message !== undefined) handlers.message(message)
  }
  socket.onclose = (event) => {
    end()
    handlers.lost(lossOf(event.code))
  }
  return { send: (message) => sendMessage(socket, message), close: () => end(1000) }
}
