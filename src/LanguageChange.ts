/**
 * What became of a change of a session's language.
 *
 * @since 0.1.0
 */

/**
 * An engine of a session, and whether it goes on in the new language. One that does not keeps its own; it may not have that
 * language, or not be able to change it in the middle of a call.
 *
 * @category models
 * @since 0.1.0
 */
export interface EngineLanguage {
  readonly kind: "stt" | "tts" | "s2s"
  readonly engine: string
  readonly follows: boolean
}

/**
 * - `language`: the session's language from now on, BCP 47.
 * - `engines`: those that hear and speak for the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface LanguageChange {
  readonly language: string
  readonly engines: ReadonlyArray<EngineLanguage>
}
