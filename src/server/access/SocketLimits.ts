/**
 * Limits the number of sockets of a server, and the time and memory that silent and slow peers may take.
 *
 * - At `max` sockets, a new one replaces one that only its peer keeps open, or else the oldest that has not sent a complete
 *   request, or else the oldest that waits for another protocol; if there is none, the new one is answered 503 and closed.
 * - A socket is closed when its TLS handshake takes longer than `HANDSHAKE_MS`, when its response is over the
 *   `ResponseLimits`, when a request for another protocol is neither granted nor answered within `UPGRADE_MS`, and when the
 *   peer leaves it open for `END_MS` after everything was written.
 *
 * Node's own timeouts bound the head and the body of a request, and end before an upgrade. Upgraded sockets are left to their
 * WebSocket connection. Synchronous, without a clock: the caller passes the time.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import type * as Net from "node:net"
import type { Duplex } from "node:stream"
import * as Problem from "../../transport/Problem.ts"
import * as ResponseLimits from "./ResponseLimits.ts"

/**
 * How long a TLS handshake may take, however its bytes arrive: 10 seconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const HANDSHAKE_MS = 10_000

/**
 * How long a request for another protocol (`Upgrade`) may take, with its body and its answer: 1 minute. Node's timeouts of
 * requests do not hold any more for such a socket.
 *
 * @category constants
 * @since 0.1.0
 */
export const UPGRADE_MS = 60_000

/**
 * How long the peer may leave a socket open after the last byte was written to it: 10 seconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const END_MS = 10_000

/** Up to this many refused sockets are kept open long enough to read the refusal. */
const MAX_REFUSED = 64

/**
 * @category models
 * @since 0.1.0
 */
export interface SocketLimits {
  /** Closes the sockets that have taken too long. */
  readonly sweep: () => void
  /** Closes what a graceful close has left: WebSockets of clients that do not answer, slow downloads. */
  readonly destroy: () => void
}

/** The same key for a socket and for the TLS socket over it. */
const keyOf = ({ remoteAddress, remotePort }: Partial<Pick<Net.Socket, "remoteAddress" | "remotePort">>): string =>
  `${remoteAddress} ${remotePort}`

interface OpenSocket {
  readonly key: string
  /** As it was accepted; with TLS, the socket below. */
  readonly socket: Net.Socket
  readonly since: number
  /** The TLS socket over it, once the handshake is done. */
  secured: Net.Socket | undefined
  /** The newest request. */
  request: Http.IncomingMessage | undefined
  /** When a sweep first saw that everything was written. */
  endedAt: number | undefined
}

/** All was written and sent: only the peer keeps it open. */
const isFinished = ({ secured, socket }: OpenSocket): boolean => (secured ?? socket).writableFinished

/**
 * Runs `switched` when the first bytes that are written say that the protocol changes (101).
 *
 * @category running
 * @since 0.1.0
 */
export const onSwitch = (socket: Duplex, switched: () => void): void => {
  const { write } = socket
  Reflect.set(socket, "write", (...args: ReadonlyArray<unknown>) => {
    Reflect.deleteProperty(socket, "write")
    if (String(args[0]).slice(0, 16).startsWith("HTTP/1.1 101 ")) switched()
    return Reflect.apply(write, socket, args)
  })
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
  const { max, maxUnreadBytes, nowMs, secure = false } = options
  const open = new Map<Net.Socket, OpenSocket>()
  const byKey = new Map<string, OpenSocket>()
  /** Sockets without a complete request so far, the oldest first. */
  const pending = new Set<OpenSocket>()
  /** Sockets that have asked for another protocol and have not got it, the oldest first, and when they asked. */
  const upgrading = new Map<OpenSocket, number>()
  const refused = new Map<Net.Socket, number>()
  const responses = ResponseLimits.make({ nowMs, maxUnreadBytes })

  const forget = (each: OpenSocket): void => {
    open.delete(each.socket)
    pending.delete(each)
    upgrading.delete(each)
    if (byKey.get(each.key) === each) byKey.delete(each.key)
  }

  const drop = (each: OpenSocket): true => {
    forget(each)
    each.socket.destroy()
    return true
  }

  /** Frees a place; the sockets that have waited longest without a use go first. */
  const dropOldest = (): boolean => {
    for (const each of open.values()) if (isFinished(each)) return drop(each)
    for (const each of pending) {
      if (each.request?.complete !== true) return drop(each)
      pending.delete(each)
    }
    for (const each of upgrading.keys()) return drop(each)
    return false
  }

  const refuse = (socket: Net.Socket): void => {
    if (secure) return void socket.destroy()
    for (const oldest of refused.keys()) {
      if (refused.size < MAX_REFUSED) break
      refused.delete(oldest)
      oldest.destroy()
    }
    refused.set(socket, nowMs())
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

  const sweepSockets = (now: number): void => {
    for (const [each, since] of upgrading) {
      if (since > now - UPGRADE_MS) break
      drop(each)
    }
    for (const each of open.values()) {
      if (secure && each.secured === undefined && each.since <= now - HANDSHAKE_MS) drop(each)
      else if ((each.secured ?? each.socket).writableEnded) {
        each.endedAt ??= now
        if (each.endedAt <= now - (isFinished(each) ? END_MS : ResponseLimits.READ_MS)) drop(each)
      }
    }
    // Their own timeout begins anew with each byte that the peer sends.
    for (const [socket, since] of refused) if (since <= now - END_MS) socket.destroy()
  }

  // Node's own listener reads requests; a refused socket does not reach it.
  const accepting = server.listeners("connection")
  server.removeAllListeners("connection")
  server.on("connection", (socket: Net.Socket) => {
    if (open.size >= max && !dropOldest()) return refuse(socket)
    const key = keyOf(socket)
    const each: OpenSocket = {
      key,
      socket,
      since: nowMs(),
      secured: undefined,
      request: undefined,
      endedAt: undefined
    }
    open.set(socket, each)
    byKey.set(key, each)
    pending.add(each)
    socket.once("close", () => forget(each))
    for (const accept of accepting) Reflect.apply(accept, server, [socket])
  })
  server.prependListener("secureConnection", (socket: Net.Socket) => {
    const each = byKey.get(keyOf(socket))
    if (each !== undefined) each.secured = socket
  })
  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse): void => {
    const each = byKey.get(keyOf(request.socket))
    if (each !== undefined) each.request = request
    responses.add(response)
  }
  // A request with `Expect` is one of the other two.
  for (const name of ["request", "checkContinue", "checkExpectation"]) server.prependListener(name, onRequest)
  server.prependListener("upgrade", (request: Http.IncomingMessage, socket: Duplex) => {
    const each = byKey.get(keyOf(request.socket))
    if (each === undefined) return
    pending.delete(each)
    upgrading.set(each, nowMs())
    onSwitch(socket, () => void upgrading.delete(each))
  })

  return {
    sweep: () => {
      sweepSockets(nowMs())
      responses.sweep()
    },
    destroy: () => {
      for (const socket of [...open.keys(), ...refused.keys()]) socket.destroy()
    }
  }
}
