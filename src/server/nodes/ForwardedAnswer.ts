/**
 * Passes a plain request on to another node, and gives its answer: an SDP offer, or a handshake without an upgrade.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Http from "node:http"
import type * as Net from "node:net"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import { deadline } from "../../Deadline.ts"
import * as Problem from "../../transport/Problem.ts"
import * as ForwardedProof from "./ForwardedProof.ts"
import { refused, unreachable } from "./NodeSocket.ts"

/** More than any route of a provider takes. */
const MAX_BODY_BYTES = 262_144
/** More than any of them answers. */
const MAX_ANSWER_BYTES = 1_048_576
/** The node bounds its own work by its `timeout`, which is shorter by default. */
const ANSWER_WITHIN = Duration.seconds(45)

const op = "VoiceCluster.forward"

/** Of one connection, or made anew. */
const ofConnection = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "content-length",
  "te",
  "trailer",
  "expect",
  "upgrade"
])

const withBody = new Set(["POST", "PUT", "PATCH"])

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Uint8Array<ArrayBuffer>
}

const exchange = (socket: Net.Socket, options: Http.RequestOptions, body: Uint8Array) =>
  Effect.callback<Answer, BackendError>((resume) => {
    const failed = (cause?: unknown) => resume(Effect.fail(unreachable(cause)))
    const request = Http.request({ ...options, createConnection: () => socket }, (response) => {
      const chunks: Array<Buffer> = []
      let bytes = 0
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_ANSWER_BYTES) return failed()
        chunks.push(chunk)
      })
      response.on("error", failed)
      response.on("aborted", () => failed())
      response.on("end", () => {
        resume(Effect.succeed({
          status: response.statusCode ?? 502,
          headers: response.headers,
          body: new Uint8Array(Buffer.concat(chunks))
        }))
      })
    })
    request.on("error", failed)
    request.end(body)
    return Effect.sync(() => request.destroy())
  })

const headersFor = (given: { readonly [name: string]: string | undefined }, length: number) =>
  Object.fromEntries([
    ...Object.entries(given).filter(([name, value]) => value !== undefined && !ofConnection.has(name)),
    ["connection", "close"],
    ["content-length", String(length)]
  ])

/**
 * Sends the request over the socket, with another target and header.
 *
 * @category running
 * @since 0.1.0
 */
export const forward = Effect.fnUntraced(function*(
  request: HttpServerRequest.HttpServerRequest,
  socket: Net.Socket,
  url: string,
  [name, value]: readonly [name: string, value: string]
): Effect.fn.Return<HttpServerResponse.HttpServerResponse, BackendError> {
  let body = new Uint8Array(0)
  if (withBody.has(request.method)) {
    const read = yield* request.arrayBuffer.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(MAX_BODY_BYTES)),
      Effect.result
    )
    if (read._tag === "Failure") {
      return Problem.errorResponse(
        new InvalidConfig({ op, message: `expected a whole body of at most ${MAX_BODY_BYTES} bytes` }),
        413
      )
    }
    body = new Uint8Array(read.success)
  }
  const answer = yield* exchange(socket, {
    method: request.method,
    path: url,
    headers: { ...headersFor(request.headers, body.length), [name]: value }
  }, body).pipe(deadline(op, "the answer of the node that has the session", ANSWER_WITHIN))
  const refusal = answer.headers[ForwardedProof.HEADER]
  if (answer.status === 401 && typeof refusal === "string") return yield* refused(refusal)
  const { "content-type": contentType, ...headers } = answer.headers
  return HttpServerResponse.uint8Array(answer.body, {
    status: answer.status,
    ...(contentType === undefined ? {} : { contentType }),
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, given]) =>
        given === undefined || ofConnection.has(name) || name === "date"
          ? []
          : [[name, Array.isArray(given) ? given.join(", ") : given]]
      )
    )
  })
})
