/**
 * Splices the socket of a client's upgrade request with one to the node that has its session: byte by byte, both ways, with
 * backpressure.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { IncomingMessage } from "node:http"
import type * as Net from "node:net"
import type { BackendError } from "../../BackendError.ts"
import { unreachable } from "./NodeSocket.ts"

/**
 * How long the node may take to begin its answer. One that is frozen accepts connections and says nothing: the client is to
 * try again, since by then its session may be taken over.
 */
const ANSWER_MS = 5_000
/** How long nothing at all may pass, either way, after that. The node pings an open WebSocket more often. */
const SILENCE_MS = 60_000
/** How often the system probes whether the other machine is still there. */
const KEEP_ALIVE_MS = 15_000
/** How long the client may take to read what is left, and close. */
const END_MS = 10_000

/**
 * The head of a request as it came, with another target and header.
 *
 * @category formatting
 * @since 0.1.0
 */
export const headOf = (
  { method = "GET", rawHeaders }: Pick<IncomingMessage, "method" | "rawHeaders">,
  url: string,
  [name, value]: readonly [name: string, value: string]
): string => {
  const lines = [`${method} ${url} HTTP/1.1`]
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== name) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  }
  return `${lines.join("\r\n")}\r\n${name}: ${value}\r\n\r\n`
}

/**
 * Sends the head to the node and splices the sockets until both are closed; whichever closes or fails first ends the other.
 * Fails `connection_failed`, with nothing written to the client, when the node closes before it has answered, or does not
 * begin to within 5 seconds.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (client: Net.Socket, node: Net.Socket, head: string): Effect.Effect<void, BackendError> =>
  Effect.callback<void, BackendError>((resume) => {
    let answered = false
    const onClientClose = () => {
      node.destroy()
      resume(Effect.void)
    }
    const onNodeClose = () => {
      client.unpipe(node)
      if (!answered) {
        client.off("close", onClientClose)
        return resume(Effect.fail(unreachable()))
      }
      // What the node has sent is still read.
      client.end()
      client.setTimeout(END_MS, () => client.destroy())
    }
    if (client.destroyed) return onClientClose()
    client.setNoDelay(true)
    client.on("error", () => {})
    client.once("close", onClientClose)
    node.once("close", onNodeClose)
    node.on("timeout", () => node.destroy())
    node.setTimeout(ANSWER_MS)
    node.setKeepAlive(true, KEEP_ALIVE_MS)
    node.write(head, "latin1")
    node.pipe(client, { end: false })
    node.once("data", () => {
      answered = true
      node.setTimeout(SILENCE_MS)
    })
    client.pipe(node)
    return Effect.sync(() => {
      node.destroy()
      client.destroy()
    })
  })
