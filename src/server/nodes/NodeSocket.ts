/**
 * A socket to another node, over TLS where its address says so.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { type BackendError, ConnectionFailed } from "../../BackendError.ts"
import type * as PeerTrust from "../../cluster/peers/PeerTrust.ts"
import { connectDeadline } from "../../Deadline.ts"

/**
 * How long a node may take to accept a connection, TLS included: 5 seconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const CONNECT_WITHIN = Duration.seconds(5)

const op = "VoiceCluster.forward"

/**
 * Another node could not be reached, or gave no answer. It may be tried again: a session of a node that is gone is taken over.
 *
 * @category errors
 * @since 0.1.0
 */
export const unreachable = (cause?: unknown): ConnectionFailed =>
  new ConnectionFailed({
    op,
    message: "the node that has the session cannot be reached; try again",
    details: { reason: UNREACHABLE, retryAfterMs: 500 },
    ...(cause === undefined ? {} : { cause })
  })

/**
 * The reason in the details of `unreachable`.
 *
 * @category constants
 * @since 0.1.0
 */
export const UNREACHABLE = "node_unreachable"

/**
 * The other node takes what this one passes on for a stranger's. It may be tried again: the nodes may not have the same secret
 * yet, and who repairs their clocks does not end the calls.
 *
 * @category errors
 * @since 0.1.0
 */
export const refused = (reason: string): ConnectionFailed =>
  new ConnectionFailed({
    op,
    message: "the node that has the session does not take requests of this one; try again",
    details: { reason: REFUSED, retryAfterMs: 1_000 },
    cause: reason
  })

/**
 * The reason in the details of `refused`.
 *
 * @category constants
 * @since 0.1.0
 */
export const REFUSED = "node_refused"

/** IP addresses have no server name (RFC 6066). */
const nameOf = (host: string) => Net.isIP(host) === 0 ? { servername: host } : {}

/**
 * Connects to a node, for as long as the scope. Fails `connection_failed` when it refuses or its certificate is not
 * trusted, and `connection_timeout`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  address: URL,
  trust: PeerTrust.PeerTrust
): Effect.Effect<Net.Socket, BackendError, Scope.Scope> => {
  const secure = address.protocol === "https:"
  const host = address.hostname.replace(/^\[|\]$/g, "")
  const port = address.port === "" ? (secure ? 443 : 80) : Number(address.port)
  return Effect.acquireRelease(
    Effect.sync(() =>
      secure
        ? Tls.connect({ host, port, ...nameOf(host), ...trust.options(), ALPNProtocols: ["http/1.1"] })
        : Net.connect({ host, port })
    ),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(
    Effect.flatMap((socket) =>
      Effect.callback<Net.Socket, BackendError>((resume) => {
        socket.setNoDelay(true)
        socket.on("error", (cause) => resume(Effect.fail(unreachable(cause))))
        socket.once("close", () => resume(Effect.fail(unreachable())))
        socket.once(secure ? "secureConnect" : "connect", () => resume(Effect.succeed(socket)))
      })
    ),
    connectDeadline(op, "the connection to the node that has the session", CONNECT_WITHIN)
  )
}
