/**
 * How a session's text is prepared for the voice, and the language that it has now.
 *
 * @since 0.1.0
 */
import type * as SessionSpeech from "../speech/SessionSpeech.ts"
import * as TextSettings from "../speech/TextSettings.ts"
import { type Speech, speechOf } from "./SessionConfig.ts"

/**
 * The text settings of one session: its own over the backend's. A language that was set while the session runs holds over
 * `text.language`, that over the session's `language`, and that over the backend's.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionText {
  #settings: TextSettings.TextSettings
  #speech: Speech

  constructor(session: SessionSpeech.SessionSpeech, backend: TextSettings.TextSettings = {}) {
    const { language } = session
    this.#speech = speechOf(session)
    this.#settings = TextSettings.merge(
      backend,
      language === undefined ? session.text ?? {} : { language, ...session.text }
    )
  }

  readonly settings = (): TextSettings.TextSettings => this.#settings

  /** The language that the session asks its voice for. */
  readonly language = (): string | undefined => this.#speech.text?.language ?? this.#speech.language

  /** What the session asks of its engines, as it is stored; the same object until it changes. */
  get speech(): Speech {
    return this.#speech
  }

  setLanguage(language: string): void {
    this.#settings = { ...this.#settings, language }
    this.#speech = { ...this.#speech, text: { ...this.#speech.text, language } }
  }
}
