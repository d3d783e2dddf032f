/**
 * The options that hosted engines share: a key, an endpoint, deadlines; one spelling of each in a config.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { secret } from "../../schema/Secret.ts"
import type { SessionSpeech } from "../../speech/SessionSpeech.ts"
import { Language } from "../../speech/TextSettings.ts"
import * as VendorKey from "../../wire/VendorKey.ts"

/** The most languages that have a voice of their own. */
const MAX_VOICES = 50

const isLanguage = Schema.is(Language)

/**
 * The name of a model, voice or language, at most 128 characters.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Name = Schema.NonEmptyString.check(Schema.isMaxLength(128))

/**
 * Voices by language (BCP 47), at most 50: `{ de: "…", "pt-BR": "…" }`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Voices = Schema.Record(Schema.String, Name).check(
  Schema.makeFilter((voices) => {
    const languages = Object.keys(voices)
    if (languages.length > MAX_VOICES) return `expected at most ${MAX_VOICES} languages`
    return languages.every(isLanguage) || "expected language tags (BCP 47), such as de or pt-BR"
  })
).pipe(withDefault({}))

/**
 * The voice that the options have for a language: that of the longest tag that covers it, so that `de` covers `de-AT`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const voiceIn = (
  voices: { readonly [language: string]: string },
  language: string | undefined
): string | undefined => {
  const wanted = language?.toLowerCase()
  if (wanted === undefined) return undefined
  const [best] = Object.entries(voices)
    .filter(([tag]) => wanted === tag.toLowerCase() || wanted.startsWith(`${tag.toLowerCase()}-`))
    .toSorted(([one], [other]) => other.length - one.length)
  return best?.[1]
}

/**
 * The voice of a session: its own, else that of its language, else the engine's.
 *
 * @category accessors
 * @since 0.1.0
 */
export const voiceOf = (
  { voice, voices }: { readonly voice: string; readonly voices: { readonly [language: string]: string } },
  session: SessionSpeech
): string => session.voice ?? voiceIn(voices, session.language) ?? voice

/**
 * A number between two bounds that may be left out.
 *
 * @category schemas
 * @since 0.1.0
 */
export const between = (minimum: number, maximum: number) =>
  Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum, maximum })))

/**
 * How many key terms a vendor is sent, the engine's own first.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_KEYTERMS = 100

/**
 * Key terms: at most 100 of 128 characters.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Keyterms = Schema.Array(Name).check(Schema.isMaxLength(MAX_KEYTERMS)).pipe(withDefault([]))

/**
 * The engine's key terms and then the session's, as many as are sent.
 *
 * @category accessors
 * @since 0.1.0
 */
export const keyterms = (
  own: ReadonlyArray<string>,
  session: ReadonlyArray<string> | undefined
): ReadonlyArray<string> => [...own, ...session ?? []].slice(0, MAX_KEYTERMS)

/**
 * Key, WebSocket endpoint and connect deadline.
 *
 * @category schemas
 * @since 0.1.0
 */
export const connection = (url: string) => ({
  apiKey: Schema.optionalKey(secret({ min: 1, header: true })),
  url: VendorKey.Endpoint.pipe(withDefault(url)),
  timeout: boundedDuration("100 millis", "1 minute").pipe(withDefault("10s"))
})

/**
 * The longest pause within a sentence: 5 s, [100 ms, 1 min].
 *
 * @category schemas
 * @since 0.1.0
 */
export const Silence = boundedDuration("100 millis", "1 minute").pipe(withDefault("5s"))

/**
 * The age at which a connection is replaced: 50 min, [1 s, 24 h].
 *
 * @category schemas
 * @since 0.1.0
 */
export const RotateAfter = boundedDuration("1 second", "24 hours").pipe(withDefault("50m"))

/**
 * What every vendor's options have.
 *
 * @category models
 * @since 0.1.0
 */
export interface HostedOptions {
  readonly apiKey?: Redacted.Redacted<string> | undefined
  readonly url: string
}

/**
 * The headers that carry a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface SecretHeaders {
  readonly [name: string]: Redacted.Redacted<string>
}

/**
 * The header that a vendor takes a key in, and the environment variable of a key that the config leaves out.
 *
 * - `scheme`: stands before the key in the header's value. Default: nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyHeader {
  readonly variable: string
  readonly header: string
  readonly scheme?: string | undefined
}

/**
 * The headers of a vendor's key. None fails `invalid_config` with the variable in `details.missing`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const secretHeaders = (vendor: string, { header, scheme, variable }: KeyHeader, { apiKey }: HostedOptions) =>
  Effect.map(VendorKey.key(vendor, apiKey, variable), (key): SecretHeaders => ({
    [header]: scheme === undefined ? key : Redacted.make(`${scheme} ${Redacted.value(key)}`)
  }))

/**
 * An endpoint with a path, without the slashes at its end.
 *
 * @category accessors
 * @since 0.1.0
 */
export const endpoint = ({ url }: HostedOptions, path: string): URL => new URL(`${url.replace(/\/+$/, "")}${path}`)

/**
 * The endpoint of a session. Fails `invalid_config` where the options' URL is none; the URL itself is not quoted, for it
 * may hold a key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const endpointOf = <A>(vendor: string, op: string, make: () => A): Effect.Effect<A, InvalidConfig> =>
  Effect.try({
    try: make,
    catch: () => new InvalidConfig({ op, message: `invalid URL for ${vendor}`, details: { vendor, option: "url" } })
  })
