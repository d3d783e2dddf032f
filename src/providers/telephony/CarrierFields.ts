/**
 * The options that every kind of carrier has.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as OutboundCalls from "../../backend/calls/OutboundCalls.ts"
import { withDefault } from "../../schema/Defaults.ts"
import type { CallDetails } from "../../session/call/CallDetails.ts"
import { Language } from "../../speech/TextSettings.ts"

const AgentName = Schema.NonEmptyString.check(Schema.isMaxLength(256))

const OfNumber = Schema.Struct({ agent: Schema.optionalKey(AgentName), language: Schema.optionalKey(Language) })

/**
 * A pattern of numbers: the whole of one, or its beginning with `*` behind it, such as `+4930*`.
 *
 * @category models
 * @since 0.1.0
 */
export const NumberPattern = Schema.String.check(
  Schema.isPattern(/^(?:[^\s*]{1,64}\*?|\*)$/u, { expected: "a number, or the beginning of numbers with * behind it" })
)

/**
 * - `name`: of the carrier in URLs, calls and logs: `/telephony/{name}/answer`.
 * - `agent`: who answers its calls. Default: the backend's agent.
 * - `language`: what its callers speak, BCP 47. Default: the engines'.
 * - `numbers`: the agent and the language by the number that was called, over the two above. Default: none.
 * - `numbers.agent`: who answers calls to this number.
 * - `numbers.language`: what callers of this number speak.
 * - `allowedNumbers`: the numbers of ours whose calls are taken; `*` at the end of one stands for any digits. Default: all.
 * - `allowedCallers`: whose calls are taken. Default: everybody's.
 * - `maxConcurrentCalls`: how many calls a process makes by it at once. Default: `max_concurrent_calls` of the provider.
 * - `callsPerSecond`: how many calls it is asked for a second: 1, as new accounts of most carriers have it.
 * - `dtmfInBand`: whether keys are heard in the audio, as tones: for a carrier that passes them in no other way. Where it tells them, too,
 *   each key would come twice. false.
 *
 * @category models
 * @since 0.1.0
 */
export const carrierFields = {
  name: Schema.String.check(
    Schema.isPattern(/^[a-z0-9][a-z0-9_-]{0,31}$/, { expected: "1 to 32 small letters, digits, - and _" })
  ),
  agent: Schema.optionalKey(AgentName),
  language: Schema.optionalKey(Language),
  numbers: Schema.Record(Schema.String.check(Schema.isMaxLength(64)), OfNumber).pipe(withDefault({})),
  allowedNumbers: Schema.Array(NumberPattern).pipe(withDefault(["*"])),
  allowedCallers: Schema.Array(NumberPattern).pipe(withDefault(["*"])),
  dtmfInBand: Schema.Boolean.pipe(withDefault(false)),
  ...OutboundCalls.carrierFields
}

/**
 * Their names in a config file.
 *
 * @category constants
 * @since 0.1.0
 */
export const carrierKeys = {
  allowedNumbers: "allowed_numbers",
  allowedCallers: "allowed_callers",
  dtmfInBand: "dtmf_in_band",
  ...OutboundCalls.carrierKeys
} as const

/**
 * Whether a pattern of a list fits a number.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAllowed = (patterns: ReadonlyArray<string>, number: string | undefined): boolean =>
  patterns.some((pattern) =>
    pattern === "*" || (number !== undefined &&
      (pattern.endsWith("*") ? number.startsWith(pattern.slice(0, -1)) : number === pattern))
  )

/**
 * Whether a carrier's options let a call come to us.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTaken = (
  { allowedCallers, allowedNumbers }: {
    readonly allowedNumbers: ReadonlyArray<string>
    readonly allowedCallers: ReadonlyArray<string>
  },
  { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined }
): boolean => isAllowed(allowedNumbers, to) && isAllowed(allowedCallers, from)

/**
 * How long a call that is made rings, in whole seconds: as who makes it says, else as the carrier's options say.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ringSecondsOf = ({ dial }: CallDetails, otherwise: Duration.Duration): number =>
  Math.max(1, Math.round((dial?.ringTimeoutMs ?? Duration.toMillis(otherwise)) / 1_000))
