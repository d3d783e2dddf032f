/**
 * The kind `stream`: a carrier's flow, or a telephone system, that connects its media stream to us by itself, with a secret.
 *
 * It has no webhook and no interface to control calls by: what ends the stream ends the call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { AuthenticationFailed, AuthorizationFailed } from "../../../BackendError.ts"
import type { MediaStart } from "../../../protocols/MediaProtocol.ts"
import { mediaProtocols } from "../../../protocols/Protocols.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { secret } from "../../../schema/Secret.ts"
import { queryOf } from "../../RouteRequest.ts"
import type { CarrierKind } from "../Call.ts"
import { carrierFields, carrierKeys, isTaken } from "../CarrierFields.ts"
import * as MediaRoute from "../MediaRoute.ts"
import { isSame } from "../SameSecret.ts"

const op = "TelephonyProvider.media"

/** Of `secret`: what cannot be guessed. */
const MIN_SECRET = 16

/**
 * - `kind`: what the carrier is; it says which other options there are.
 * - `protocol`: what the stream speaks.
 * - `secret`: what the stream brings: as the password of Basic authentication, as `?secret=`, or as a parameter `secret` of its start.
 *   At least 16 characters.
 *
 * @category models
 * @since 0.1.0
 */
export const StreamConfig = Schema.Struct({
  kind: Schema.Literal("stream"),
  ...carrierFields,
  protocol: Schema.Literals(["twilio", "telnyx", "plivo", "signalwire", "exotel"]),
  secret: secret({ min: MIN_SECRET, max: 512 })
}).pipe(encodeKeys(carrierKeys))

/**
 * @category models
 * @since 0.1.0
 */
export type StreamConfig = typeof StreamConfig.Type

const passwordOf = (request: HttpServerRequest.HttpServerRequest): string | undefined => {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(request.headers["authorization"] ?? "") ?? []
  if (encoded === undefined) return undefined
  const text = Buffer.from(encoded, "base64").toString()
  const colon = text.indexOf(":")
  return colon === -1 ? undefined : text.slice(colon + 1)
}

const callOf = ({ callId, from, input, parameters, streamId, to }: MediaStart) => {
  const { secret: _, ...rest } = parameters
  const id = callId === "" ? streamId : callId
  return { id, from, to, parameters: rest, inputSampleRate: input.sampleRate }
}

/**
 * @category constants
 * @since 0.1.0
 */
export const kind: CarrierKind<StreamConfig> = {
  kind: "stream",
  config: StreamConfig,
  make: (options, { calls, mediaPath, silence }) => {
    const expected = Redacted.value(options.secret)
    const refused = Effect.fail(
      new AuthenticationFailed({ op, message: "the secret of the media stream is missing or wrong" })
    )
    return Effect.succeed({
      name: options.name,
      returns: false,
      hangUp: () => Effect.void,
      routes: [
        MediaRoute.make({
          path: mediaPath,
          protocol: mediaProtocols.get(options.protocol)!,
          returns: false,
          silence,
          // the secret may come with the start
          admit: () => Effect.void,
          callOf: Effect.fnUntraced(function*(start, request) {
            const given = passwordOf(request) ?? queryOf(request).get("secret") ?? start.parameters["secret"]
            if (!isSame(given, expected)) return yield* refused
            if (!isTaken(options, start)) {
              return yield* new AuthorizationFailed({ op, message: "calls of or to this number are not taken" })
            }
            return yield* calls.enter(options.name, callOf(start))
          })
        })
      ]
    })
  }
}
