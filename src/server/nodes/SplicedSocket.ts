/**
 * Splices the socket of a client's upgrade request with one to the node that has its session: byte by byte, both ways, with
 * backpressure.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { IncomingMessage } from "node:http"
import type * as Net from "node:net"
import type { BackendError } from "../../BackendError.ts"
import * as ForwardedProof from "./ForwardedProof.ts"
import { refused, unreachable } from "./NodeSocket.ts"

/**
 * How long the node may take to answer the head. One that is frozen accepts connections and says nothing: the client is to
 * try again, since by then its session may be taken over.
 */
const ANSWER_WITHIN = Duration.seconds(2)
/** More than any head of an answer has. */
const MAX_HEAD_BYTES = 16_384
/** How often the system probes whether the other machine is still there. */
const KEEP_ALIVE_MS = 15_000
/** How long the client may take to read what is left, and close. */
const END_WITHIN = Duration.seconds(10)

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

/** What the node has answered, to the end of the head at least; `undefined` when the client has left before. */
const answer = (client: Net.Socket, node: Net.Socket): Effect.Effect<Buffer | undefined, BackendError> =>
  Effect.callback((resume) => {
    let read = Buffer.alloc(0)
    const release = () => {
      node.off("data", onData)
      node.off("close", onNodeClose)
      client.off("close", onClientClose)
      node.pause()
    }
    const settle = (result: Effect.Effect<Buffer | undefined, BackendError>) => {
      release()
      resume(result)
    }
    const onNodeClose = () => settle(Effect.fail(unreachable()))
    const onClientClose = () => settle(Effect.succeed(undefined))
    const onData = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk])
      if (read.includes("\r\n\r\n")) return settle(Effect.succeed(read))
      if (read.length > MAX_HEAD_BYTES) settle(Effect.fail(unreachable()))
    }
    node.on("data", onData)
    node.once("close", onNodeClose)
    client.once("close", onClientClose)
    if (node.destroyed) return onNodeClose()
    if (client.destroyed) return onClientClose()
    return Effect.sync(release)
  })

/** Why the node has not taken the request for one of another node, if so. */
const refusalIn = (read: Buffer): string | undefined => {
  const head = read.toString("latin1").split("\r\n\r\n", 1)[0] ?? ""
  return new RegExp(`^HTTP/1.1 401[^]*\\r\\n${ForwardedProof.HEADER}: (\\w+)`, "i").exec(head)?.[1]
}

/** Splices from the answer on, until one of the two is closed; the node is let go with its client. */
const splice = (client: Net.Socket, node: Net.Socket, first: Buffer): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const onClientClose = () => {
      node.destroy()
      resume(Effect.void)
    }
    const onNodeClose = () => {
      client.unpipe(node)
      resume(Effect.void)
    }
    if (client.destroyed) return onClientClose()
    client.once("close", onClientClose)
    client.write(first)
    if (node.destroyed) return onNodeClose()
    node.once("close", onNodeClose)
    node.pipe(client, { end: false })
  })

/** Lets the client read what the node has sent, and close; what it still says is for nobody. */
const finish = (client: Net.Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (client.destroyed) return resume(Effect.void)
    client.once("close", () => resume(Effect.void))
    client.end()
    client.resume()
  }).pipe(
    Effect.timeoutOption(END_WITHIN),
    Effect.ensuring(Effect.sync(() => client.destroy()))
  )

/**
 * Sends the head to the node and splices the sockets until both are closed; whichever closes or fails first ends the other.
 * Interrupted, both are closed.
 *
 * Fails `connection_failed`, with nothing written to the client, when the node closes before it has answered, does not answer
 * within 2 seconds, or takes the request for a stranger's.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function*(
  client: Net.Socket,
  node: Net.Socket,
  head: string
): Effect.fn.Return<void, BackendError> {
  client.setNoDelay(true)
  client.on("error", () => {})
  node.setKeepAlive(true, KEEP_ALIVE_MS)
  node.write(head, "latin1")
  client.pipe(node)
  const first = yield* answer(client, node).pipe(
    Effect.timeoutOrElse({ duration: ANSWER_WITHIN, orElse: () => Effect.fail(unreachable()) }),
    Effect.tapCause(() => Effect.sync(() => client.unpipe(node)))
  )
  if (first === undefined) return
  const refusal = refusalIn(first)
  if (refusal === undefined) return yield* Effect.andThen(splice(client, node, first), finish(client))
  client.unpipe(node)
  return yield* refused(refusal)
}, (run, client, node) =>
  Effect.onInterrupt(run, () =>
    Effect.sync(() => {
      node.destroy()
      client.destroy()
    })))
