/**
 * The options of the kinds `twilio` and `signalwire`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../../schema/Defaults.ts"
import { encodeKeys } from "../../../schema/EncodedKeys.ts"
import { secret } from "../../../schema/Secret.ts"
import { carrierFields, carrierKeys } from "../CarrierFields.ts"
import { outboundFields, outboundKeys } from "../OutboundFields.ts"

const Sid = Schema.String.check(Schema.isPattern(/^[\w-]{1,64}$/, { expected: "an id, such as AC…" }))
const Place = Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,32}$/, { expected: "a name, such as ie1" }))
const Address = Schema.NonEmptyString.check(Schema.isMaxLength(256))

const shared = { ...outboundFields, transferCallerId: Schema.optionalKey(Address) }
const keys = { ...carrierKeys, ...outboundKeys, transferCallerId: "transfer_caller_id" } as const

/**
 * - `kind`: the kind of carrier.
 * - `accountSid`: the account, `AC…`.
 * - `authToken`: its auth token, which signs its webhooks.
 * - `nextAuthToken`: signs them as well, while the token is changed.
 * - `apiKey`: with which its interface is asked, `SK…`. Default: the auth token.
 * - `apiSecret`: of the key.
 * - `allowedAccounts`: whose calls are taken, such as subaccounts that are signed with the same token. Default: `accountSid` alone.
 * - `region`: of the interface, such as `ie1`, with its `edge`. Default: the United States.
 * - `edge`: of the interface, such as `dublin`.
 * - `apiUrl`: another address of the interface. Default: that of the region.
 * - `transferCallerId`: the number that whoever a call is transferred to sees. Default: the caller's.
 *
 * @category models
 * @since 0.1.0
 */
export const TwilioConfig = Schema.Struct({
  kind: Schema.Literal("twilio"),
  ...carrierFields,
  accountSid: Sid,
  authToken: secret({ min: 1, max: 256, header: true }),
  nextAuthToken: Schema.optionalKey(secret({ min: 1, max: 256, header: true })),
  apiKey: Schema.optionalKey(Sid),
  apiSecret: Schema.optionalKey(secret({ min: 1, max: 256, header: true })),
  allowedAccounts: Schema.optionalKey(Schema.Array(Sid).check(Schema.isMinLength(1), Schema.isMaxLength(256))),
  region: Schema.optionalKey(Place),
  edge: Schema.optionalKey(Place),
  apiUrl: Schema.optionalKey(Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^?#@\s]{1,256}$/, { expected: "a URL that begins with https://" })
  )),
  ...shared
}).pipe(encodeKeys({
  ...keys,
  accountSid: "account_sid",
  authToken: "auth_token",
  nextAuthToken: "next_auth_token",
  apiKey: "api_key",
  apiSecret: "api_secret",
  allowedAccounts: "allowed_accounts",
  apiUrl: "api_url"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type TwilioConfig = typeof TwilioConfig.Type

/**
 * - `kind`: the kind of carrier.
 * - `space`: the host of the space, such as `example.signalwire.com`.
 * - `project`: the project, with whose token its interface is asked.
 * - `apiToken`: of the project.
 * - `signingKey`: signs its webhooks.
 * - `codec`: of the audio, both ways: `PCMU`, or PCM: `L16@16000h`, which recognisers take without resampling.
 * - `apiUrl`: another address of the interface. Default: that of the space.
 * - `transferCallerId`: the number that whoever a call is transferred to sees. Default: the caller's.
 *
 * @category models
 * @since 0.1.0
 */
export const SignalWireConfig = Schema.Struct({
  kind: Schema.Literal("signalwire"),
  ...carrierFields,
  space: Schema.String.check(
    Schema.isPattern(/^[a-z0-9][a-z0-9.-]{0,127}$/i, { expected: "a host, such as example.signalwire.com" })
  ),
  project: Sid,
  apiToken: secret({ min: 1, max: 256, header: true }),
  signingKey: secret({ min: 1, max: 256 }),
  codec: Schema.Literals(["PCMU", "L16@8000h", "L16@16000h", "L16@24000h"]).pipe(withDefault("L16@16000h" as const)),
  apiUrl: Schema.optionalKey(Schema.String.check(
    Schema.isPattern(/^https?:\/\/[^?#@\s]{1,256}$/, { expected: "a URL that begins with https://" })
  )),
  ...shared
}).pipe(encodeKeys({ ...keys, apiToken: "api_token", signingKey: "signing_key", apiUrl: "api_url" }))

/**
 * @category models
 * @since 0.1.0
 */
export type SignalWireConfig = typeof SignalWireConfig.Type
