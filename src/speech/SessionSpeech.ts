/**
 * What one session may ask of its engines: a language, a voice, words to expect; and whether they can do it.
 *
 * A pure check, made when a session is created, so that a session which its engines cannot serve is refused and never
 * begins in another language or voice than it asked for.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../BackendError.ts"
import { Language, TextSettings } from "./TextSettings.ts"

/**
 * The fields of a session's own speech options; each is optional, and at most 100 key terms of 128 characters.
 *
 * @category schemas
 * @since 0.1.0
 */
export const fields = {
  language: Schema.optionalKey(Language),
  voice: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(128))),
  keyterms: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString.check(Schema.isMaxLength(128))).check(Schema.isMaxLength(100))
  ),
  text: Schema.optionalKey(TextSettings)
}

/**
 * What a session asks for.
 *
 * - `language`: what the user and the agent speak, BCP 47. Default: the engines' own.
 * - `voice`: the engine's name of a voice. Default: the engine's own.
 * - `keyterms`: words to expect: names, products. Default: none.
 * - `text`: how text is prepared for the voice, over the backend's settings. Default: the backend's.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionSpeech {
  readonly language?: string | undefined
  readonly voice?: string | undefined
  readonly keyterms?: ReadonlyArray<string> | undefined
  readonly text?: TextSettings | undefined
}

/**
 * What an engine lets a session choose. What is left out cannot be chosen.
 *
 * - `languages`: the BCP 47 tags that it takes; empty: any. `en` covers `en-GB`.
 * - `voices`: the names of its voices; empty: any name.
 * - `keyterms`: whether it takes words to expect.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechCapabilities {
  readonly languages?: ReadonlyArray<string> | undefined
  readonly voices?: ReadonlyArray<string> | undefined
  readonly keyterms?: boolean | undefined
}

/**
 * An engine as far as the check looks at it; the services of all three kinds fit.
 *
 * - `refuse`: what is wrong with options that the capabilities allow each by itself. Default: nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechEngine {
  readonly name: string
  readonly capabilities: SpeechCapabilities
  readonly refuse?: ((speech: SessionSpeech) => InvalidConfig | undefined) | undefined
}

/**
 * The engines that serve a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechEngines {
  readonly stt?: SpeechEngine | undefined
  readonly tts?: SpeechEngine | undefined
  readonly s2s?: SpeechEngine | undefined
}

/**
 * The language of a tag without script and region, for vendors that take ISO 639: `en` of `en-GB`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const primaryLanguage = (tag: string): string => tag.split("-", 1)[0]!.toLowerCase()

const isLanguage = Schema.is(Language)

/**
 * A language that a vendor names, as BCP 47 writes it: `de` for `deu`; `undefined` for what is no tag.
 *
 * @category accessors
 * @since 0.1.0
 */
export const canonical = (language: string): string | undefined => {
  if (!isLanguage(language)) return undefined
  try {
    return Intl.getCanonicalLocales(language)[0]
  } catch {
    return undefined
  }
}

/**
 * Whether an engine takes a language: any where its list is empty, else one that a tag of the list covers.
 *
 * @category guards
 * @since 0.1.0
 */
export const supportsLanguage = ({ languages }: SpeechCapabilities, language: string): boolean => {
  if (languages === undefined) return false
  const wanted = language.toLowerCase()
  return languages.length === 0 || languages.some((tag) => {
    const supported = tag.toLowerCase()
    return wanted === supported || wanted.startsWith(`${supported}-`)
  })
}

/**
 * Whether an engine takes another language for a session with these options.
 *
 * @category guards
 * @since 0.1.0
 */
export const takesLanguage = (engine: SpeechEngine, speech: SessionSpeech, language: string): boolean =>
  supportsLanguage(engine.capabilities, language) && engine.refuse?.({ ...speech, language }) === undefined

/**
 * A session's options with the language that it was given later, where the engine takes it; else with its own.
 *
 * @category accessors
 * @since 0.1.0
 */
export const inLanguage = <Options extends SessionSpeech>(
  engine: SpeechEngine,
  options: Options,
  language: string | undefined
): Options => language !== undefined && takesLanguage(engine, options, language) ? { ...options, language } : options

/**
 * Whether an engine has a voice of this name: any where its list is empty.
 *
 * @category guards
 * @since 0.1.0
 */
export const supportsVoice = ({ voices }: SpeechCapabilities, voice: string): boolean =>
  voices !== undefined && (voices.length === 0 || voices.includes(voice))

const unsupported = (
  op: string,
  engine: SpeechEngine,
  field: keyof SessionSpeech,
  message: string,
  supported: ReadonlyArray<string> | undefined
): InvalidConfig =>
  new InvalidConfig({
    op,
    message: supported === undefined || supported.length === 0
      ? message
      : `${message}; it supports ${supported.slice(0, 20).join(", ")}${supported.length > 20 ? ", …" : ""}`,
    details: { engine: engine.name, field, supported: (supported ?? []).slice(0, 100) }
  })

const languageFault = (op: string, engine: SpeechEngine | undefined, language: string | undefined) =>
  engine === undefined || language === undefined || supportsLanguage(engine.capabilities, language)
    ? undefined
    : unsupported(
      op,
      engine,
      "language",
      engine.capabilities.languages === undefined
        ? `language: ${engine.name} does not let a session choose its language`
        : `language: ${engine.name} does not support "${language}"`,
      engine.capabilities.languages
    )

const voiceFault = (op: string, engine: SpeechEngine | undefined, voice: string | undefined) =>
  engine === undefined || voice === undefined || supportsVoice(engine.capabilities, voice)
    ? undefined
    : unsupported(
      op,
      engine,
      "voice",
      engine.capabilities.voices === undefined
        ? `voice: ${engine.name} does not let a session choose its voice`
        : `voice: ${engine.name} has no voice "${voice}"`,
      engine.capabilities.voices
    )

const keytermsFault = (op: string, engine: SpeechEngine | undefined, keyterms: ReadonlyArray<string> | undefined) =>
  engine === undefined || keyterms === undefined || keyterms.length === 0 || engine.capabilities.keyterms === true
    ? undefined
    : unsupported(op, engine, "keyterms", `keyterms: ${engine.name} does not take key terms`, undefined)

/**
 * Checks what a session asks for against the engines that serve it. The recogniser, the voice and the model must take the
 * language; the voice and the model must have the voice; the recogniser and the model must take key terms. The fault
 * names the engine, the field and what is supported (`details.engine`, `field`, `supported`).
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (
  op: string,
  speech: SessionSpeech,
  { s2s, stt, tts }: SpeechEngines
): InvalidConfig | undefined => {
  const { keyterms, language, voice } = speech
  return languageFault(op, stt, language) ??
    languageFault(op, tts, language) ??
    languageFault(op, s2s, language) ??
    voiceFault(op, tts, voice) ??
    voiceFault(op, s2s, voice) ??
    keytermsFault(op, stt, keyterms) ??
    keytermsFault(op, s2s, keyterms) ??
    tts?.refuse?.(speech)
}

/**
 * What of a session's options an engine can do: the rest is left out. For an engine that steps in for another, whose
 * voices have other names: it keeps the voice only where it lists one of that name.
 *
 * @category accessors
 * @since 0.1.0
 */
export const supportedBy = <Options extends SessionSpeech>(
  { capabilities }: SpeechEngine,
  options: Options
): Options => ({
  ...options,
  language: options.language !== undefined && supportsLanguage(capabilities, options.language)
    ? options.language
    : undefined,
  voice: options.voice !== undefined && capabilities.voices?.includes(options.voice) === true
    ? options.voice
    : undefined,
  keyterms: capabilities.keyterms === true ? options.keyterms : undefined
})
