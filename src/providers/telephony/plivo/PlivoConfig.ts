/**
 * The options of a Plivo account, of the kind `plivo`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { secret } from "../../../schema/Secret.ts"
import { carrierFields, carrierKeys } from "../CarrierFields.ts"
import { outboundFields, outboundKeys } from "../OutboundFields.ts"
import { DEFAULT_URL } from "./Rest.ts"

/**
 * - `authId`: of the account.
 * - `authToken`: the account's, which signs webhooks, too.
 * - `audio`: both ways: `l16_16000`, `l16_8000`, or G.711 as `mulaw_8000`. `l16_16000`.
 * - `apiUrl`: of the REST interface. `https://api.plivo.com/v1`.
 *
 * @category models
 * @since 0.1.0
 */
export const PlivoConfig = Schema.Struct({
  kind: Schema.Literal("plivo"),
  ...carrierFields,
  ...outboundFields,
  authId: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]{1,64}$/u, { expected: "the account's auth id" })),
  authToken: secret({ min: 8, max: 256 }),
  audio: Schema.Literals(["l16_16000", "l16_8000", "mulaw_8000"]).pipe(withDefault("l16_16000" as const)),
  apiUrl: Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^\s?#@]*[^\s?#@/]$/u, { expected: "a URL without a slash at its end" })
  ).pipe(withDefault(DEFAULT_URL))
}).pipe(encodeKeys({
  ...carrierKeys,
  ...outboundKeys,
  authId: "auth_id",
  authToken: "auth_token",
  apiUrl: "api_url"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type PlivoConfig = typeof PlivoConfig.Type
