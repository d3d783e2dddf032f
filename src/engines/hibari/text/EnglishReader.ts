/**
 * Reads English text as phonemes: sentences, normalised text, tokens, tags, words, pieces.
 *
 * @since 0.1.0
 */
import { itemsOf } from "./lexicon/WordItems.ts"
import * as WordReader from "./lexicon/WordReader.ts"
import * as MappedText from "./MappedText.ts"
import * as Normaliser from "./normaliser/Normaliser.ts"
import type { PhonemeReader, Sentence } from "./PhonemeReader.ts"
import * as Pieces from "./Pieces.ts"
import * as Sentences from "./Sentences.ts"
import type { AccentTables, SharedTables } from "./TextTables.ts"
import * as TaggedLine from "./tokens/TaggedLine.ts"
import * as Tagger from "./tokens/Tagger.ts"
import { tokeniser } from "./tokens/Tokens.ts"

const finalSign = new Map([["ɾ", "T"], ["ʔ", "t"]])

/**
 * A reader with these tables. Sentences of more than `longestSentence` characters are cut; default 2,000.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (shared: SharedTables, { lexicon }: AccentTables, longestSentence?: number): PhonemeReader => {
  const sentences = Sentences.make(shared.normalise, longestSentence)
  const normalise = Normaliser.make(shared.normalise)
  const tokenise = tokeniser(shared.exceptions)
  const tag = Tagger.make(shared.tagger)

  const signsOf = (line: MappedText.MappedText, unknownWord: (word: string) => string): Pieces.PhonemeSigns => {
    const groups = itemsOf(TaggedLine.read(tokenise, tag, line))
    WordReader.read(lexicon, groups, unknownWord)
    const signs: Array<string> = []
    const origin: Array<number> = []
    const add = (text: string, place: number) => {
      for (const sign of text) {
        signs.push(finalSign.get(sign) ?? sign)
        origin.push(place)
      }
    }
    for (const group of groups) {
      const from = signs.length
      for (const { origin: place, phonemes = "", spaced } of group) {
        if (spaced && phonemes !== "" && signs.length > from && signs.at(-1)!.trim() !== "") add(" ", place)
        add(phonemes, place)
      }
      const last = group.at(-1)
      if (last?.space === true) add(" ", last.origin)
    }
    return { signs, origin }
  }

  return {
    sentences,
    read: (sentence: Sentence, said, options) => {
      const unknown = new Set<string>()
      const signs = signsOf(normalise(MappedText.make(sentence.text, sentence.start)), (word) => {
        const phonemes = said(word)
        if (phonemes === undefined) unknown.add(word)
        return phonemes ?? ""
      })
      return { pieces: Pieces.make(shared.ids, sentence, signs, options), unknown: [...unknown] }
    }
  }
}
