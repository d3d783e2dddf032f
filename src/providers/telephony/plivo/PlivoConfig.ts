/**
 * The options of a Plivo account, of the kind `plivo`.
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
  ...cloudFields(DEFAULT_URL),
  authId: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]{1,64}$/u, { expected: "the account's auth id" })),
  authToken: secret({ min: 8, max: 256 }),
  audio: Schema.Literals(["l16_16000", "l16_8000", "mulaw_8000"]).pipe(withDefault("l16_16000" as const))
}).pipe(encodeKeys({
  ...cloudKeys,
  authId: "auth_id",
  authToken: "auth_token"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type PlivoConfig = typeof PlivoConfig.Type
