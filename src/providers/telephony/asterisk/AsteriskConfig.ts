/**
 * The options of a carrier of kind `asterisk`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { secret } from "../../../schema/Secret.ts"
import { carrierFields, carrierKeys } from "../CarrierFields.ts"

const Name = Schema.String.check(
  Schema.isPattern(/^[\w.-]{1,80}$/u, { expected: "1 to 80 letters, digits, _, . and -" })
)

const isAriUrl = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#@]/.test(text)

/**
 * Asterisk's REST interface (ARI), by which calls are made, hung up, watched and transferred; see `AsteriskConfig`.
 *
 * @category models
 * @since 0.1.0
 */
export const AriConfig = Schema.Struct({
  url: Schema.String.check(
    Schema.makeFilter((text: string) =>
      isAriUrl(text) || "expected a URL that begins with http:// or https://, without user, query or fragment"
    )
  ),
  username: Schema.NonEmptyString.check(Schema.isMaxLength(256)),
  password: secret({ min: 1, max: 256 }),
  application: Name.pipe(withDefault("effect-voice")),
  endpoint: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[A-Za-z0-9]+\/[^\s]{0,200}\{to\}[^\s]{0,200}$/u, {
        expected: "a technology, a slash and {to}, such as PJSIP/{to}@trunk"
      })
    )
  ),
  context: Name.pipe(withDefault("effect-voice")),
  extension: Name.pipe(withDefault("talk")),
  machineExtension: Name.pipe(withDefault("machine"))
}).pipe(encodeKeys({ machineExtension: "machine_extension" }))

/**
 * - `username`: what `websocket_client.conf` sends when Asterisk connects. Default: `asterisk`.
 * - `password`: the password beside it, at least 16 characters.
 * - `from`: the number that calls are made from where a request names none. Default: none.
 * - `ari`: Asterisk's REST interface. Default: none; then calls come in, and end with their stream.
 * - `ari.url`: such as `http://127.0.0.1:8088/ari`.
 * - `ari.username`: of `ari.conf`.
 * - `ari.password`: of `ari.conf`.
 * - `ari.application`: how the names begin under which processes receive events. Default: `effect-voice`.
 * - `ari.endpoint`: how a number is dialled, with `{to}` in it, such as `PJSIP/{to}@trunk`. Default: calls are not made.
 * - `ari.context`: where in the dialplan an answered call goes on. Default: `effect-voice`.
 * - `ari.extension`: the extension there. Default: `talk`.
 * - `ari.machineExtension`: the extension that first finds out who has answered (`AMD()`), of calls that ask the carrier to. Default:
 *   `machine`.
 *
 * @category models
 * @since 0.1.0
 */
export const AsteriskConfig = Schema.Struct({
  kind: Schema.Literal("asterisk"),
  ...carrierFields,
  username: Schema.NonEmptyString.check(Schema.isMaxLength(256)).pipe(withDefault("asterisk")),
  password: secret({ min: 16, max: 256 }),
  from: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(64))),
  ari: Schema.optionalKey(AriConfig)
}).pipe(encodeKeys(carrierKeys))

/**
 * @category models
 * @since 0.1.0
 */
export type AsteriskConfig = typeof AsteriskConfig.Type
