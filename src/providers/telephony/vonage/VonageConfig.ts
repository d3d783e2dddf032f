/**
 * The options of a Vonage application, of the kind `vonage`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { secret } from "../../../schema/Secret.ts"
import { cloudFields, cloudKeys } from "../CloudFields.ts"
import { DEFAULT_URL } from "./Rest.ts"

/**
 * - `applicationId`: of the Voice application.
 * - `privateKey`: the application's, a PEM; line breaks may be written as `\n`.
 * - `signatureSecret`: the account's, which signs webhooks by SHA-256.
 * - `apiKey`: the account whose webhooks are taken. Default: any that has the signature secret.
 * - `sampleRate`: of the audio both ways, in Hz: 8,000, 16,000 or 24,000. 16,000.
 * - `apiUrl`: of the REST interface, such as a region's. `https://api.nexmo.com`.
 *
 * @category models
 * @since 0.1.0
 */
export const VonageConfig = Schema.Struct({
  kind: Schema.Literal("vonage"),
  ...cloudFields(DEFAULT_URL),
  applicationId: Schema.NonEmptyString.check(Schema.isMaxLength(64)),
  privateKey: secret({ min: 1, max: 8_192 }),
  signatureSecret: secret({ min: 8, max: 256 }),
  apiKey: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(64))),
  sampleRate: Schema.Literals([8_000, 16_000, 24_000]).pipe(withDefault(16_000 as const))
}).pipe(encodeKeys({
  ...cloudKeys,
  applicationId: "application_id",
  privateKey: "private_key",
  signatureSecret: "signature_secret",
  apiKey: "api_key",
  sampleRate: "sample_rate"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type VonageConfig = typeof VonageConfig.Type
