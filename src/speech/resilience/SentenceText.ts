/**
 * The text of a session's sentences, as each of its voices gets it.
 *
 * @since 0.1.0
 */
import { type TagSet, tagSet } from "../../text/tags/SpeechTags.ts"
import * as TextWords from "../../text/TextWords.ts"
import * as VoiceText from "../../text/VoiceText.ts"
import type { TextSettings } from "../TextSettings.ts"
import type { TextToSpeech } from "../TextToSpeech.ts"

type Engine = Pick<TextToSpeech["Service"], "capabilities">

/**
 * Gives the form of a sentence for an engine, by its place in the list; `undefined` when it gets the sentence as it is.
 *
 * @category models
 * @since 0.1.0
 */
export type SentenceText = (sentence: string, engine: number) => VoiceText.VoiceText | undefined

/**
 * All tags that one of the engines understands.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tagsOf = (engines: ReadonlyArray<Engine>): ReadonlyArray<string> =>
  Array.from(new Set(engines.flatMap(({ capabilities }) => capabilities.tags ?? [])))

/** What sessions with the same settings share: the options for each engine, made when it is first used. */
interface Prepared {
  readonly pronounce: VoiceText.Pronounce | undefined
  readonly kept: TagSet
  readonly options: Array<VoiceText.VoiceTextOptions | undefined>
}

/**
 * Prepares sentences for these engines, by a session's settings, which are read for each sentence and are the same object
 * until they change. A text without a language of its own has that of the engine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (engines: ReadonlyArray<Engine>): (settings: () => TextSettings) => SentenceText => {
  const all = tagsOf(engines)
  const first = engines[0]?.capabilities.language
  const bySettings = new WeakMap<TextSettings, Prepared>()
  const preparedOf = (settings: TextSettings): Prepared => {
    const found = bySettings.get(settings)
    if (found !== undefined) return found
    const { keepTags = [], pronunciations = {} } = settings
    const prepared = {
      pronounce: VoiceText.pronouncer(pronunciations),
      kept: tagSet([...all, ...keepTags]),
      options: []
    }
    bySettings.set(settings, prepared)
    return prepared
  }
  return (settings) => (sentence, index) => {
    const now = settings()
    if (now.off === true) return undefined
    const { keepTags = [], language } = now
    const { kept, options, pronounce } = preparedOf(now)
    const { capabilities } = engines[index]!
    const prepared = options[index] ??= {
      context: TextWords.make(language ?? capabilities.language),
      kept,
      understood: tagSet([...capabilities.tags ?? [], ...keepTags]),
      pronounce,
      // what the first voice's language did not decide
      saysSigns: (language ?? first) === undefined,
      expandsNumbers: capabilities.normalisesText === false
    }
    return VoiceText.prepare(sentence, prepared)
  }
}
