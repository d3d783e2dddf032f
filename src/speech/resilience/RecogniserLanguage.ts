/**
 * The language of one session's recogniser, for each of its engines: a change waits until the utterance in progress is over.
 * Plain synchronous code.
 *
 * @since 0.1.0
 */
import * as SessionSpeech from "../SessionSpeech.ts"

/** `former`: what an engine was heard with before its present language, until it has shown that it takes that one. */
interface EngineLanguage {
  wanted: string | undefined
  active: string | undefined
  former: { readonly language: string | undefined } | undefined
}

/**
 * Engines are named by their place in the order of preference.
 *
 * @category models
 * @since 0.1.0
 */
export class RecogniserLanguage {
  readonly #engines: ReadonlyArray<SessionSpeech.SpeechEngine>
  readonly #languages: ReadonlyArray<EngineLanguage>

  /** The first engine gets the language that the session was created with, and another one where it takes it. */
  constructor(engines: ReadonlyArray<SessionSpeech.SpeechEngine>, language: string | undefined) {
    this.#engines = engines
    this.#languages = engines.map((engine, index) => {
      const own = index === 0 ? language : SessionSpeech.supportedBy(engine, { language }).language
      return { wanted: own, active: own, former: undefined }
    })
  }

  /** Asks for another language, from the next utterance on. Engines that do not take it keep theirs. */
  set(language: string): void {
    for (const [index, engine] of this.#engines.entries()) {
      if (SessionSpeech.supportsLanguage(engine.capabilities, language)) this.#of(index).wanted = language
    }
  }

  /** The language that an engine is used with. */
  active(index: number): string | undefined {
    return this.#of(index).active
  }

  /** The language that it is to be used with from the next utterance on. */
  wanted(index: number): string | undefined {
    return this.#of(index).wanted
  }

  /** Whether another language is wanted than the one that it is used with. */
  isDue(index: number): boolean {
    const { active, wanted } = this.#of(index)
    return active !== wanted
  }

  /** Uses an engine with this language from now on; by default the one that is wanted. */
  adopt(index: number, adopted: string | undefined = this.#of(index).wanted): void {
    const language = this.#of(index)
    if (language.active === adopted) return
    language.former ??= { language: language.active }
    language.active = adopted
  }

  /** The engine works with its language. */
  worked(index: number): void {
    this.#of(index).former = undefined
  }

  /** The engine cannot be used with the language that is wanted: it goes on with the one that it is used with. */
  giveUp(index: number): void {
    const language = this.#of(index)
    language.wanted = language.active
  }

  /** The engine has failed with its language, and has never worked with it: `true` when it goes back to its former one. */
  goBack(index: number): boolean {
    const language = this.#of(index)
    if (language.former === undefined) return false
    language.active = language.former.language
    language.wanted = language.active
    language.former = undefined
    return true
  }

  /** The same for each engine, when all have failed. */
  allGoBack(): boolean {
    return this.#languages.map((_, index) => this.goBack(index)).includes(true)
  }

  #of(index: number): EngineLanguage {
    const language = this.#languages[index]
    if (language === undefined) throw new RangeError(`no engine ${index}`)
    return language
  }
}
