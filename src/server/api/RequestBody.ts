/**
 * Reads the JSON body of a request, with a bound, before its endpoint decodes it.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Schema from "effect/Schema"
import { IncomingMessage } from "node:http"
import { InvalidConfig } from "../../BackendError.ts"
import * as Faults from "../../schema/Faults.ts"
import * as Json from "../../schema/Json.ts"
import * as Problem from "../../transport/Problem.ts"

/**
 * The largest body of a request: 64 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES = 65_536

/**
 * A body that HTTP has a status of its own for.
 *
 * @category errors
 * @since 0.1.0
 */
export class BodyRefused extends Schema.TaggedError<BodyRefused>()("BodyRefused", {
  code: Problem.HttpProblemCode,
  detail: Schema.String
}) {}

const tooLarge = new BodyRefused({ code: "payload_too_large", detail: `expected at most ${MAX_BYTES} bytes` })
const unsupported = (detail: string) => new BodyRefused({ code: "unsupported_media_type", detail })

const isJson = (contentType: string | undefined): boolean =>
  contentType === undefined || /^application\/(?:json|[\w.+-]+\+json)\s*(?:;|$)/i.test(contentType.trim())

/** Fails on bytes that are not UTF-8, which would else be replaced. */
const utf8 = new TextDecoder("utf-8", { fatal: true })

/** The bytes of a body come once. */
const wasRead = ({ source }: HttpServerRequest.HttpServerRequest): boolean =>
  source instanceof IncomingMessage && source.readableDidRead

/** A parser's own message would quote the body. */
const notJson = (op: string): InvalidConfig =>
  Faults.toError(op, "invalid request body", [{ path: "", message: "expected JSON" }])

/**
 * Reads and checks the body, and gives the request on: its body is in memory, and its type is JSON whatever JSON type it
 * came with (`application/merge-patch+json`). A body that somebody else has read is a defect.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(op: string, request: HttpServerRequest.HttpServerRequest) {
  if (!isJson(request.headers["content-type"])) return yield* unsupported("expected application/json")
  if (!/^identity$/i.test(request.headers["content-encoding"] ?? "identity")) {
    return yield* unsupported("expected no content-encoding")
  }
  if (Number(request.headers["content-length"] ?? 0) > MAX_BYTES) return yield* tooLarge
  if (wasRead(request)) {
    return yield* Effect.die(
      new Error(`${op}: a middleware of the application has read the request's body; it must leave it to the route`)
    )
  }
  const json = request.modify({ headers: Headers.set(request.headers, "content-type", "application/json") })
  const bytes = yield* json.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(MAX_BYTES)),
    Effect.mapError(({ reason }) =>
      reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
        ? tooLarge
        : new InvalidConfig({ op, message: "request body was truncated" })
    )
  )
  const text = yield* Effect.try({ try: () => utf8.decode(bytes), catch: () => notJson(op) })
  if (Json.parse(text) === undefined) return yield* notJson(op)
  return json
})
