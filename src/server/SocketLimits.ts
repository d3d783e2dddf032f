/**
 * How many sockets a server holds, and for how long: strangers must not take all of them, nor its memory.
 *
 * - Beyond `max` the oldest socket that has not sent a complete request is dropped for the newcomer; where all have, the
 *   newcomer is answered 503 and goes.
 * - An answer that is not read within `READ_MS` ends with its socket; so do the oldest of those that are being read when
 *   they hold more than `MAX_UNREAD_BYTES` together.
 *
 * Sockets that became WebSockets are their connection's to watch. Synchronous and clockless: the caller says when it is.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import type * as Net from "node:net"
import * as Problem from "../transport/Problem.ts"

/**
 * How long an answer may take to be read, from its request on: 2 minutes.
 *
 * @category constants
 * @since 0.1.0
 */
export const READ_MS = 120_000

/**
 * What all answers together may hold for readers who are slow: 64 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_UNREAD_BYTES = 67_108_864

/** Who is refused may read why, in so much company. */
const MAX_REFUSED = 64
/** Looking at all of them for every request would cost more than the requests. */
const LOOK_EVERY = 64

/**
 * @category models
 * @since 0.1.0
 */
export interface SocketLimits {
  /** Ends those whose answers nobody reads. */
  readonly sweep: () => void
  /** Ends what a graceful close has left: WebSockets of clients that never answer, slow downloads. */
  readonly destroy: () => void
}

/** The same for a socket and for the TLS that is spoken over it. */
const keyOf = ({ remoteAddress, remotePort }: Partial<Pick<Net.Socket, "remoteAddress" | "remotePort">>): string =>
  `${remoteAddress} ${remotePort}`

interface Unproven {
  readonly socket: Net.Socket
  request: Http.IncomingMessage | undefined
}

/**
 * Watches over the sockets of a server that does not listen yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const watch = (
  server: Http.Server,
  options: {
    readonly max: number
    /** Whether it speaks TLS: nobody is told anything before. */
    readonly secure?: boolean | undefined
    readonly nowMs: () => number
    readonly maxUnreadBytes?: number | undefined
  }
): SocketLimits => {
  const { max, maxUnreadBytes = MAX_UNREAD_BYTES, nowMs, secure = false } = options
  const open = new Set<Net.Socket>()
  /** Without a complete request so far, the oldest first. */
  const unproven = new Map<string, Unproven>()
  const refused = new Set<Net.Socket>()
  /** Answers on their way, the oldest first, and since when. */
  const answers = new Map<Http.ServerResponse, number>()
  let requests = 0

  const dropOldest = (): boolean => {
    for (const [key, { request, socket }] of unproven) {
      unproven.delete(key)
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
    // What is not read would make a reset of the end, and the answer would be lost with it.
    socket.resume()
    socket.setTimeout(1_000, () => socket.destroy())
    socket.end(Problem.toBytes(
      Problem.make("too_many_connections", "the server has as many connections as it takes"),
      { "retry-after": "5" }
    ))
  }

  const sweepUnread = (): void => {
    let unread = 0
    // The length of an answer counts what its socket holds.
    for (const response of answers.keys()) unread += response.writableLength
    for (const response of answers.keys()) {
      if (unread <= maxUnreadBytes) return
      const bytes = response.writableLength
      if (bytes === 0) continue
      unread -= bytes
      answers.delete(response)
      response.socket?.destroy()
    }
  }

  // Node's own listener reads requests; who is refused never gets there.
  const accepting = server.listeners("connection")
  server.removeAllListeners("connection")
  server.on("connection", (socket: Net.Socket) => {
    if (open.size >= max && !dropOldest()) return refuse(socket)
    open.add(socket)
    const key = keyOf(socket)
    unproven.set(key, { socket, request: undefined })
    socket.once("close", () => {
      open.delete(socket)
      if (unproven.get(key)?.socket === socket) unproven.delete(key)
    })
    for (const accept of accepting) Reflect.apply(accept, server, [socket])
  })
  server.prependListener("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const first = unproven.get(keyOf(request.socket))
    if (first !== undefined) first.request = request
    answers.set(response, nowMs())
    response.once("close", () => answers.delete(response))
    if (++requests % LOOK_EVERY === 0) sweepUnread()
  })
  server.prependListener("upgrade", (request: Http.IncomingMessage) => void unproven.delete(keyOf(request.socket)))

  return {
    sweep: () => {
      const late = nowMs() - READ_MS
      for (const [response, since] of answers) {
        if (since > late) break
        answers.delete(response)
        // Not begun is the handler's to end, which has limits of its own.
        if (response.headersSent) response.socket?.destroy()
      }
      sweepUnread()
    },
    destroy: () => {
      for (const socket of [...open, ...refused]) socket.destroy()
    }
  }
}
