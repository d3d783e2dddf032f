/**
 * The text of a session's sentences, as each of its voices gets it.
 *
 * @since 0.1.0
 */
import { noTags, type TagSet, tagSet } from "../../text/SpeechTags.ts"
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

/**
 * Prepares sentences for these engines, by settings that are read for each sentence. A text without a language of its own has
 * that of the engine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (engines: ReadonlyArray<Engine>, settings: () => TextSettings): SentenceText => {
  const all = tagsOf(engines)
  const first = engines[0]?.capabilities.language
  let of: TextSettings | undefined
  let pronounce: VoiceText.Pronounce | undefined
  let kept: TagSet = noTags
  let options: Array<VoiceText.VoiceTextOptions | undefined> = []
  return (sentence, index) => {
    const now = settings()
    if (now.off === true) return undefined
    const { keepTags = [], language, pronunciations = {} } = now
    if (now !== of) {
      of = now
      options = []
      pronounce = VoiceText.pronouncer(pronunciations)
      kept = tagSet([...all, ...keepTags])
    }
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
