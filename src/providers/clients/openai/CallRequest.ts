/**
 * What `POST /v1/realtime/calls` brings: the offer alone (`application/sdp`), as pages send it, or beside the session object
 * (`multipart/form-data`, parts `sdp` and `session`), as servers do.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Multipart from "effect/http/Multipart"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { parse } from "../../../schema/Json.ts"
import * as Sdp from "../../../transport/webrtc/Sdp.ts"
import * as OfferBody from "../../OfferBody.ts"
import { MAX_BODY_BYTES } from "./ClientSecretsRoute.ts"

/**
 * - `session`: the session object, where the caller sends one.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallRequest {
  readonly sdp: string
  readonly session: Schema.JsonObject | undefined
}

const op = "RealtimeCalls.accept"
const MAX_PARTS = 8
/** The head of a part, and what stands between them. */
const MAX_FRAMING_BYTES = 16_384

const refuse = (message: string, status?: OfferBody.Refusal["status"]) => OfferBody.refuse(op, message, status)

const decoder = new TextDecoder()
const decodeSession = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Json))

/** The parts by name; the first of a name counts. A part with a file name is one like any other. */
const partsOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Map<string, string>, OfferBody.Refusal> =>
  Stream.runFoldEffect(request.multipartStream, () => new Map<string, string>(), (parts, part) => {
    const [name, text] = part._tag === "Field"
      ? [part.key, Effect.succeed(part.value)]
      : [part.key, Effect.map(part.contentEffect, (bytes) => decoder.decode(bytes))]
    return Effect.map(text, (value) => parts.has(name) ? parts : parts.set(name, value))
  }).pipe(
    Effect.provideContext(Multipart.limitsServices({
      maxParts: MAX_PARTS,
      maxFieldSize: ByteSize.bytes(Math.max(Sdp.MAX_OFFER_BYTES, MAX_BODY_BYTES)),
      maxFileSize: ByteSize.bytes(Math.max(Sdp.MAX_OFFER_BYTES, MAX_BODY_BYTES)),
      maxTotalSize: ByteSize.bytes(Sdp.MAX_OFFER_BYTES + MAX_BODY_BYTES + MAX_FRAMING_BYTES)
    })),
    Effect.mapError(({ reason }) =>
      reason._tag === "Parse" || reason._tag === "InternalError"
        ? refuse("the parts of the request could not be read")
        : refuse(`expected at most ${MAX_PARTS} parts, the offer and a session`, 413)
    )
  )

const parts = Effect.fnUntraced(function*(
  request: HttpServerRequest.HttpServerRequest
): Effect.fn.Return<CallRequest, OfferBody.Refusal> {
  const found = yield* partsOf(request)
  const sdp = found.get("sdp")
  if (sdp === undefined) return yield* Effect.fail(refuse("sdp: required"))
  const given = found.get("session")
  if (given === undefined) return { sdp, session: undefined }
  const session = decodeSession(parse(given))
  return Option.isSome(session)
    ? { sdp, session: session.value }
    : yield* Effect.fail(refuse("session: expected a JSON object"))
})

/**
 * Reads a request. Fails with what is to be answered; nothing of what it holds is in the reason.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<CallRequest, OfferBody.Refusal> => {
  const type = request.headers["content-type"] ?? ""
  if (OfferBody.isOffer(request)) {
    return Effect.map(OfferBody.read(op, request), (sdp) => ({ sdp, session: undefined }))
  }
  if (/^multipart\/form-data\s*;/i.test(type)) return parts(request)
  return Effect.fail(refuse("expected content-type application/sdp or multipart/form-data", 415))
}
