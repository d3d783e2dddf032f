/**
 * How a provider calls users: its carriers, whom they may call, and how much at once; and the fields of a config that say it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { withDefault } from "../../schema/Defaults.ts"
import { Destination } from "../../session/call/PhoneAddress.ts"

/**
 * A carrier that calls users.
 *
 * - `name`: as in `provider_config.carriers`.
 * - `from`: the number or address that it calls from where a request names none. Default: the carrier's own.
 * - `maxConcurrentCalls`: how many of its calls a process makes at once, ringing ones included. Default: those of the provider.
 * - `callsPerSecond`: how many calls it takes a second.
 * - `inputSampleRate`: of the audio that it will send, in Hz, where it is known. Default: unknown.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutboundCarrier {
  readonly name: string
  readonly from?: string | undefined
  /** Whether it may call from this number or address. Default: from any. */
  readonly mayCallFrom?: ((from: string) => boolean) | undefined
  readonly maxConcurrentCalls?: number | undefined
  readonly callsPerSecond: number
  readonly inputSampleRate?: number | undefined
}

/**
 * - `carriers`: those that can call; the first one does where a request names none.
 * - `allowedDestinations`: whom they may call (`PhoneAddress.isAllowed`). Empty: nobody.
 * - `maxConcurrentCalls`: how many calls a process makes at once in all.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutboundCalls {
  readonly carriers: ReadonlyArray<OutboundCarrier>
  readonly allowedDestinations: ReadonlyArray<string>
  readonly maxConcurrentCalls: number
}

const AtOnce = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))

/**
 * The fields of a provider's config, to be spread into its schema with `encodeKeys(OutboundCalls.keys)`:
 *
 * - `allowedDestinations`: whom users' calls may go to, such as `+44` or `sip:example.com`, without those with `!` in front: who can
 *   call anywhere can run up any bill. Default: nobody.
 * - `maxConcurrentCalls`: how many calls a process makes at once. 10.
 *
 * @category schemas
 * @since 0.1.0
 */
export const fields = {
  allowedDestinations: Schema.Array(Destination).check(Schema.isMaxLength(1_000)).pipe(withDefault([])),
  maxConcurrentCalls: AtOnce.pipe(withDefault(10))
}

/**
 * @category schemas
 * @since 0.1.0
 */
export const keys = {
  allowedDestinations: "allowed_destinations",
  maxConcurrentCalls: "max_concurrent_calls"
} as const

/**
 * The fields of a carrier's config, to be spread into its schema with `encodeKeys(OutboundCalls.carrierKeys)`:
 *
 * - `maxConcurrentCalls`: how many of its calls a process makes at once. Default: those of the provider.
 * - `callsPerSecond`: how many calls it takes a second. 1, which new accounts of most carriers have.
 *
 * @category schemas
 * @since 0.1.0
 */
export const carrierFields = {
  maxConcurrentCalls: Schema.optionalKey(AtOnce),
  callsPerSecond: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })).pipe(withDefault(1))
}

/**
 * @category schemas
 * @since 0.1.0
 */
export const carrierKeys = {
  maxConcurrentCalls: "max_concurrent_calls",
  callsPerSecond: "calls_per_second"
} as const
