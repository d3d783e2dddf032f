/**
 * Answers what Node refuses before there is a request to handle, with problem JSON: bytes that are not HTTP, headers that
 * are too large, requests that do not end, unknown expectations.
 *
 * Synchronous. It owns only its listeners, which live as long as the server.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as Problem from "../transport/Problem.ts"

const problemOf = (code: string | undefined): Problem.Problem => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return Problem.make("headers_too_large", `expected at most ${MAX_HEADER_BYTES} bytes of headers`)
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return Problem.make("request_timeout", "request timeout: it did not arrive in time")
    default:
      return Problem.make("malformed_request", "malformed request: expected HTTP/1.1")
  }
}

/**
 * The largest request line and headers together: 16 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HEADER_BYTES = 16_384

/**
 * Answers a request that expects what we do not know.
 *
 * @category running
 * @since 0.1.0
 */
export const refuseExpectation = (response: Http.ServerResponse): void => {
  const problem = Problem.make("expectation_failed", "expected no Expect header, or 100-continue")
  response.writeHead(problem.status, { "content-type": Problem.contentType }).end(JSON.stringify(problem))
}

/**
 * Adds the listeners to a server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const install = (server: Http.Server): void => {
  const responses = new WeakMap<Duplex, Http.ServerResponse>()
  // A request that asks whether to continue is no "request" to Node.
  for (const name of ["request", "checkContinue"]) {
    server.on(name, (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      responses.set(request.socket, response)
    })
  }
  server.on("checkExpectation", (_request: Http.IncomingMessage, response: Http.ServerResponse) => {
    refuseExpectation(response)
  })
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Duplex) => {
    const response = responses.get(socket)
    // In the middle of a response, the client would take these bytes for a part of it.
    const answering = response !== undefined && response.headersSent && !response.writableFinished
    if (!socket.writable || answering || error.code === "ECONNRESET") return void socket.destroy()
    socket.end(Problem.toBytes(problemOf(error.code)), () => socket.destroy())
  })
}
