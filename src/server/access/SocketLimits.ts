/**
 * Limits the number of sockets of a server, and the time and memory that slow readers may take.
 *
 * - At `max` sockets, a new one replaces the oldest that has not sent a complete request; if all have, the new one is
 *   answered 503 and closed.
 * - A socket is closed when its response is not read within `READ_MS`, and the oldest are closed when all unread responses
 *   together hold more than `MAX_UNREAD_BYTES`.
 *
 * Upgraded sockets are left to their WebSocket connection. Synchronous, without a clock: the caller passes the time.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import type * as Net from "node:net"
import * as Problem from "../../transport/Problem.ts"

/**
 * How long a response may take to be read, counted from its request: 2 minutes.
 *
 * @category constants
 * @since 0.1.0
 */
export const READ_MS = 120_000

/**
 * How much all unread responses may hold together: 64 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_UNREAD_BYTES = 67_108_864

/** Up to this many refused sockets are kept open long enough to read the refusal. */
const MAX_REFUSED = 64
/** Unread responses are checked once in so many requests: each time would cost more than the requests. */
const SWEEP_EVERY = 64

/**
 * @category models
 * @since 0.1.0
 */
export interface SocketLimits {
  /** Closes the sockets whose responses are not read. */
  readonly sweep: () => void
  /** Closes what a graceful close has left: WebSockets of clients that do not answer, slow downloads. */
  readonly destroy: () => void
}

/** The same key for a socket and for the TLS socket over it. */
const keyOf = ({ remoteAddress, remotePort }: Partial<Pick<Net.Socket, "remoteAddress" | "remotePort">>): string =>
  `${remoteAddress} ${remotePort}`

interface PendingSocket {
  readonly socket: Net.Socket
  request: Http.IncomingMessage | undefined
}

/**
 * Adds the limits to a server that does not listen yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const install = (
  server: Http.Server,
  options: {
    readonly max: number
    /** Whether it speaks TLS: a refusal cannot be sent before the handshake. */
    readonly secure?: boolean | undefined
    readonly nowMs: () => number
    readonly maxUnreadBytes?: number | undefined
  }
): SocketLimits => {
  const { max, maxUnreadBytes = MAX_UNREAD_BYTES, nowMs, secure = false } = options
  const open = new Set<Net.Socket>()
  /** Sockets without a complete request so far, the oldest first. */
  const pending = new Map<string, PendingSocket>()
  const refused = new Set<Net.Socket>()
  /** Responses under way, the oldest first, and when they began. */
  const responses = new Map<Http.ServerResponse, number>()
  let requests = 0

  const dropOldest = (): boolean => {
    for (const [key, { request, socket }] of pending) {
      pending.delete(key)
      if (request?.complete === true) continue
      open.delete(socket)
      socket.destroy()
      return true
    }
    return false
  }

  const refuse = (socket: Net.Socket): void => {
    if (secure) return void socket.destroy()
    for (const oldest of refused) {
      if (refused.size < MAX_REFUSED) break
      refused.delete(oldest)
      oldest.destroy()
    }
    refused.add(socket)
    socket.once("close", () => refused.delete(socket))
    socket.on("error", () => {})
    // Unread input would turn the close into a reset, which discards the refusal.
    socket.resume()
    socket.setTimeout(1_000, () => socket.destroy())
    socket.end(Problem.toBytes(
      Problem.make("too_many_connections", "connection limit reached"),
      { "retry-after": "5" }
    ))
  }

  const sweepUnread = (): void => {
    let unread = 0
    // `writableLength` includes what the socket has buffered.
    for (const response of responses.keys()) unread += response.writableLength
    for (const response of responses.keys()) {
      if (unread <= maxUnreadBytes) return
      const bytes = response.writableLength
      if (bytes === 0) continue
      unread -= bytes
      responses.delete(response)
      response.socket?.destroy()
    }
  }

  // Node's own listener reads requests; a refused socket does not reach it.
  const accepting = server.listeners("connection")
  server.removeAllListeners("connection")
  server.on("connection", (socket: Net.Socket) => {
    if (open.size >= max && !dropOldest()) return refuse(socket)
    open.add(socket)
    const key = keyOf(socket)
    pending.set(key, { socket, request: undefined })
    socket.once("close", () => {
      open.delete(socket)
      if (pending.get(key)?.socket === socket) pending.delete(key)
    })
    for (const accept of accepting) Reflect.apply(accept, server, [socket])
  })
  server.prependListener("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const first = pending.get(keyOf(request.socket))
    if (first !== undefined) first.request = request
    responses.set(response, nowMs())
    response.once("close", () => responses.delete(response))
    if (++requests % SWEEP_EVERY === 0) sweepUnread()
  })
  server.prependListener("upgrade", (request: Http.IncomingMessage) => void pending.delete(keyOf(request.socket)))

  return {
    sweep: () => {
      const late = nowMs() - READ_MS
      for (const [response, since] of responses) {
        if (since > late) break
        responses.delete(response)
        // A response that has not begun is bounded by its handler.
        if (response.headersSent) response.socket?.destroy()
      }
      sweepUnread()
    },
    destroy: () => {
      for (const socket of [...open, ...refused]) socket.destroy()
    }
  }
}
