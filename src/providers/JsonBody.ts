/**
 * The JSON body of a request to a route of a provider.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import { InvalidConfig } from "../BackendError.ts"
import * as Json from "../schema/Json.ts"

/**
 * The longest body: 64 KiB, as everywhere in the API.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES = 65_536

/**
 * Reads it, of at most so many bytes and whatever its content type; an empty one is an empty object. Fails `invalid_config` for one that is too long, cut off or no
 * JSON.
 *
 * @category accessors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(
  op: string,
  request: HttpServerRequest.HttpServerRequest,
  maxBytes = MAX_BYTES
): Effect.fn.Return<unknown, InvalidConfig> {
  const text = yield* request.text.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBytes)),
    Effect.mapError(() =>
      new InvalidConfig({ op, message: `expected a body of at most ${maxBytes} bytes, and all of it` })
    )
  )
  if (text.trim() === "") return {}
  const value = Json.parse(text)
  return value === undefined ? yield* new InvalidConfig({ op, message: "expected JSON" }) : value
})
