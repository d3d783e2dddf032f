/**
 * The options of a Telnyx application, of the kind `telnyx`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { secret } from "../../../schema/Secret.ts"
import { cloudFields, cloudKeys } from "../CloudFields.ts"
import { DEFAULT_URL } from "./Rest.ts"
import * as Signature from "./Signature.ts"

/**
 * - `apiKey`: of the account.
 * - `publicKey`: the account's, which verifies webhooks; base64, as the portal shows it.
 * - `connectionId`: of the Call Control or TeXML application whose webhooks are taken, and which makes calls. Default: the webhooks of
 *   any of the account's, and no calls are made.
 * - `codec`: of the audio both ways: `l16`, or G.711 as `pcmu` or `pcma`. `l16`.
 * - `sampleRate`: of `l16`, in Hz: 8,000, 16,000 or 24,000. 16,000. G.711 is at 8,000.
 * - `byteOrder`: of `l16`; Telnyx' documents do not say. `little_endian`.
 * - `apiUrl`: of the REST interface. `https://api.telnyx.com/v2`.
 *
 * @category models
 * @since 0.1.0
 */
export const TelnyxConfig = Schema.Struct({
  kind: Schema.Literal("telnyx"),
  ...cloudFields(DEFAULT_URL),
  apiKey: secret({ min: 1, max: 512, header: true }),
  publicKey: Schema.String.check(
    Schema.makeFilter(
      (text: string) =>
        Signature.publicKey(text) !== undefined || "expected the account's public key: 32 bytes in base64",
      {
        toJsonSchema: () => [{ minLength: 44 }, true]
      }
    )
  ),
  connectionId: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(128))),
  codec: Schema.Literals(["l16", "pcmu", "pcma"]).pipe(withDefault("l16" as const)),
  sampleRate: Schema.Literals([8_000, 16_000, 24_000]).pipe(withDefault(16_000 as const)),
  byteOrder: Schema.Literals(["little_endian", "big_endian"]).pipe(withDefault("little_endian" as const))
}).pipe(encodeKeys({
  ...cloudKeys,
  apiKey: "api_key",
  publicKey: "public_key",
  connectionId: "connection_id",
  sampleRate: "sample_rate",
  byteOrder: "byte_order"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type TelnyxConfig = typeof TelnyxConfig.Type
