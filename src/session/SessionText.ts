/**
 * How a session's text is prepared for the voice, and the language that it has now.
 *
 * @since 0.1.0
 */
import * as SessionSpeech from "../speech/SessionSpeech.ts"
import * as TextSettings from "../speech/TextSettings.ts"
import type { SessionLanguages } from "./pipeline/Pipeline.ts"
import { type Speech, speechOf } from "./SessionConfig.ts"

/**
 * The text settings of one session: its own over the backend's. A language that was set while the session runs holds over
 * `text.language`, that over the session's `language`, and that over the backend's.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionText implements SessionLanguages {
  #settings: TextSettings.TextSettings
  #changed: string | undefined
  #heard: string | undefined
  /** What the session was created with, for its engines. */
  readonly speech: Speech

  /** `changed`: the language that a restored session was given later. */
  constructor(session: SessionSpeech.SessionSpeech, backend: TextSettings.TextSettings = {}, changed?: string) {
    const { language } = session
    this.speech = speechOf(session)
    this.#settings = TextSettings.merge(
      backend,
      language === undefined ? session.text ?? {} : { language, ...session.text }
    )
    if (changed !== undefined) this.setLanguage(changed)
  }

  readonly settings = (): TextSettings.TextSettings => this.#settings

  readonly ofVoice = (): string | undefined => this.#changed ?? this.speech.text?.language ?? this.speech.language

  readonly ofUser = (): string | undefined => this.#changed ?? this.speech.language ?? this.speech.text?.language

  readonly heard = (): string | undefined => this.#heard

  readonly hear = (language: string): void => {
    this.#heard = SessionSpeech.canonical(language)
  }

  readonly changed = (): string | undefined => this.#changed

  /** Whether everything of the session has this language already. */
  has(language: string): boolean {
    return [this.ofVoice(), this.ofUser(), this.#settings.language].every((own) =>
      own?.toLowerCase() === language.toLowerCase()
    )
  }

  setLanguage(language: string): void {
    this.#settings = { ...this.#settings, language }
    this.#changed = language
    this.#heard = undefined
  }
}
