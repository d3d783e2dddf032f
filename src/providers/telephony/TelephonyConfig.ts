/**
 * The `provider_config` of the telephony provider.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as OutboundCalls from "../../backend/calls/OutboundCalls.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import type { CarrierOptions } from "./Call.ts"

const isBaseUrl = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#@]/.test(text)

const Target = Schema.NonEmptyString.check(Schema.isMaxLength(256))

/**
 * - `publicUrl`: the base URL at which carriers reach this server, such as `https://voice.example.com`. Carriers that call us back need it. Default
 *   with `serve`: `server.public_url`, which a server behind a proxy needs anyway: it answers to no other name.
 * - `carriers`: the carriers, each with a name and its kind; at most 32.
 * - `transferTargets`: where calls may be transferred, by name: a number (E.164) or a SIP address. Default: none.
 *   A transfer may also go to whatever `allowedDestinations` has.
 * - `allowedDestinations`: whom calls may be made to: `+44` for the numbers that begin so, `+` for all; `sip:example.com` for the SIP
 *   addresses of a host; with `!` in front not. Who can call anywhere can run up any bill. Default: nobody.
 * - `maxConcurrentCalls`: how many calls a process makes at once. 10.
 * - `keypad`: what becomes of the keys that a caller presses and nobody collects: `turns`, a turn of the caller, or `events` alone. `turns`.
 * - `maxConnectionsPerSession`: open connections of one session, replaced ones that still close included. 4.
 *
 * @category models
 * @since 0.1.0
 */
export const telephonyConfig = <Carrier extends Schema.Codec<CarrierOptions, unknown>>(carrier: Carrier) =>
  Schema.Struct({
    publicUrl: Schema.optionalKey(Schema.String.check(
      Schema.makeFilter(
        (text: string) =>
          isBaseUrl(text) || "expected a URL that begins with http:// or https://, without user, query or fragment",
        {
          toJsonSchema: () => [{ pattern: "^\\s*[hH][tT][tT][pP][sS]?:[^?#@]+$" }, true]
        }
      )
    )),
    carriers: Schema.Array(carrier).check(
      Schema.isMinLength(1),
      Schema.isMaxLength(32),
      Schema.makeFilter((all: ReadonlyArray<CarrierOptions>) =>
        new Set(all.map(({ name }) => name)).size === all.length || "expected a name for each carrier of its own"
      )
    ),
    ...OutboundCalls.fields,
    transferTargets: Schema.Record(Target, Target).pipe(withDefault({})),
    keypad: Schema.Literals(["turns", "events"]).pipe(withDefault("turns" as const)),
    maxConnectionsPerSession: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 32 })).pipe(withDefault(4))
  }).pipe(encodeKeys({
    ...OutboundCalls.keys,
    publicUrl: "public_url",
    transferTargets: "transfer_targets",
    maxConnectionsPerSession: "max_connections_per_session"
  }))
