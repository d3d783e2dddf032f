/**
 * Where a text that is still being written can be cut when nothing more of it comes for a while. Pure.
 *
 * @since 0.1.0
 */
import type { TextLanguage } from "../language/TextLanguage.ts"
import { continuesAfterFullStop, endsInAbbreviation } from "./AbbreviationEnd.ts"

/** What may follow the mark that ends a sentence: quotation marks, brackets, encoded tags. */
const closers = "[\"'”’»«)\\]」』】〉》）\\u{F0000}-\\u{FFFFF}\\s]*"
const sentenceMark = new RegExp(`[.!?…。！？｡．।॥؟۔‽]${closers}$`, "u")
const fullStop = new RegExp(`\\.${closers}$`, "u")
const afterDigit = new RegExp(`\\d\\.${closers}$`, "u")
const closersAtEnd = new RegExp(`${closers}$`, "u")
/** A word that may go on after a mark: an address, a path, a time, an abbreviation with several full stops. */
const openWord = /[@/:]|\.[^\s.…]+\.$|[\p{L}\p{N}]\.[\p{L}\p{N}]|^www\.|<\/?\p{L}*$/u
/** The beginning of an abbreviation in small letters: "i.e.", "z. B.". */
const smallInitial = /(?:^|[\s("'“‘«])\p{Ll}\.$/u
const speakable = /[\p{L}\p{N}\p{S}]/u
/** Scripts that are written without spaces between words. */
const unspaced = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u
/** A comma behind a letter: the word is complete, and the sentence goes on. */
const afterComma = /[\p{L}\p{M}][,;]$/u
/** A word of letters alone; a number, an address or markup may go on. */
const plainWord = /(?:^|\s)["'“”‘’«»(¿¡]*\p{L}[\p{L}\p{M}'’-]*$/u
/** After these a number may go on, or what is counted follows. */
const openNumber = /[\d\p{Sc}#№+−-]$/u

const wordSegmenter = new Intl.Segmenter(undefined, { granularity: "word" })
/** The segmenter copies its input; a word of such a script is short. */
const MAX_SEGMENTED = 64

const lastWord = (text: string): string => /\S*$/u.exec(text)?.[0] ?? ""

/**
 * The length of the address, path or abbreviation within which a text ends, as it is written; 0 if it does not end in one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const openWordLength = (text: string): number => {
  const word = lastWord(text)
  return openWord.test(word) ? word.length : 0
}

/**
 * Whether the text ends with the end of a sentence, as it stands. The full stop of an abbreviation ends none.
 *
 * @category predicates
 * @since 0.1.0
 */
export const endsSentence = (text: string, language?: TextLanguage): boolean => {
  const trimmed = text.trimEnd()
  if (!sentenceMark.test(trimmed) || !speakable.test(trimmed)) return false
  return !fullStop.test(trimmed) || !continuesAfterFullStop(trimmed.replace(closersAtEnd, ""), language)
}

const markInText = new RegExp(`[.!?…。！？।؟]["'”’»)\\]]*(?=\\s|$)`, "gu")

/**
 * The whole sentences at the beginning of a text that broke off; `""` without any.
 *
 * @category accessors
 * @since 0.1.0
 */
export const wholeSentences = (text: string, language?: TextLanguage): string => {
  if (endsSentence(text, language)) return text
  const ends = [...text.matchAll(markInText)].map(({ 0: mark, index }) => index + mark.length)
  const end = ends.findLast((at) => endsSentence(text.slice(0, at), language))
  return end === undefined ? "" : text.slice(0, end)
}

/**
 * Whether the text ends with the end of a sentence which no later text can take back: not after a number (3. → 3.5), and not
 * within an address.
 *
 * @category predicates
 * @since 0.1.0
 */
export const certainlyEndsSentence = (text: string, language?: TextLanguage): boolean => {
  const trimmed = text.trimEnd()
  return endsSentence(trimmed, language) && !endsInAbbreviation(trimmed.replace(closersAtEnd, ""), language) &&
    !afterDigit.test(trimmed) && !smallInitial.test(trimmed) && !openWord.test(lastWord(trimmed))
}

/** Where the last word begins in a text that ends without a space, in a script that is written without. */
const unspacedBorder = (word: string): number => {
  if (!unspaced.test(word)) return 0
  const from = Math.max(0, word.length - MAX_SEGMENTED)
  let last = 0
  for (const { index } of wordSegmenter.segment(word.slice(from))) last = index
  while (last > 0 && openNumber.test(word.slice(0, from + last))) last--
  return last === 0 ? 0 : from + last
}

/**
 * The last place at which the text can be cut between two words, or 0: never within a word, between the parts of a number,
 * between a number and what it counts, or after an abbreviation such as a title.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lastWordBorder = (text: string, language?: TextLanguage): number => {
  const word = lastWord(text)
  const inWord = unspacedBorder(word)
  let end = text.length - word.length + inWord
  if (inWord > 0) return end
  while (end > 0) {
    const before = text.slice(0, end).trimEnd()
    if (!openNumber.test(before) && !endsInAbbreviation(before, language)) return speakable.test(before) ? end : 0
    end = before.length - lastWord(before).length
  }
  return 0
}

/**
 * Whether the text ends as a sentence does, be it with a full stop that may be one of a number, an address or an abbreviation.
 *
 * @category predicates
 * @since 0.1.0
 */
export const mayEndSentence = (text: string): boolean => sentenceMark.test(text.trimEnd()) && speakable.test(text)

/**
 * How much of a text is given out at a pause.
 *
 * @category models
 * @since 0.1.0
 */
export type PauseCut = "sentence" | "words" | "all" | "rest"

/**
 * How far a text can be given out at a pause, as a length of it; 0 for nothing. `whole`: the text is all that was written.
 *
 * - `sentence`: only up to the certain end of a sentence, where the text ends with it.
 * - `words`: up to the last word that is complete.
 * - `all`: like `words`, or all of it when it ends like a sentence, but not with a single small letter.
 * - `rest`: like `words`, or all of it when it ends like a sentence or with a word.
 *
 * @category accessors
 * @since 0.1.0
 */
export const pauseEnd = (
  text: string,
  whole: boolean,
  how: PauseCut,
  language?: TextLanguage
): number => {
  if (whole && certainlyEndsSentence(text, language)) return text.length
  if (how === "sentence") return 0
  if (whole && afterComma.test(text)) return text.length
  const mayEnd = how === "rest" || (how === "all" && !smallInitial.test(text.trimEnd()))
  if (whole && mayEnd && mayEndSentence(text)) return text.length
  if (whole && how === "rest" && plainWord.test(text) && !endsInAbbreviation(text, language)) return text.length
  return lastWordBorder(text, language)
}
