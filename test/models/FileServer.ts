/** A server of files on the loopback interface, which goes on where a range asks it to, and can be told to misbehave. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"

export interface Served {
  readonly url: string
  /** The path and range of each request. */
  readonly requests: Array<string>
}

export type Handler = (request: Http.IncomingMessage, response: Http.ServerResponse, count: number) => boolean

/** Serves `content` at every path, unless `handler` takes the request. */
export const serve = (
  content: Uint8Array,
  handler: Handler = () => false,
  tls?: { readonly cert: Buffer; readonly key: Buffer }
): Effect.Effect<Served, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Served & { readonly server: Http.Server }>((resume) => {
      const requests: Array<string> = []
      const listener: Http.RequestListener = (request, response) => {
        requests.push([request.url, request.headers.range].filter((part) => part !== undefined).join(" "))
        if (handler(request, response, requests.length)) return
        const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)
        if (from >= content.length) {
          response.writeHead(416, { "content-range": `bytes */${content.length}` })
          return void response.end()
        }
        response.writeHead(from === 0 ? 200 : 206, {
          "content-length": content.length - from,
          ...(from === 0 ? {} : { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` })
        })
        response.end(content.subarray(from))
      }
      const server = tls === undefined ? Http.createServer(listener) : Https.createServer(tls, listener)
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo // a TCP server's address is never a string
        resume(Effect.succeed({ server, requests, url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}` }))
      })
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
