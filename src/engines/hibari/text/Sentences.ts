/**
 * Cuts a text at its sentences, before anything else is done with it.
 *
 * @since 0.1.0
 */
import { isPairAt, WS } from "./CharacterClasses.ts"
import type { NormaliseTables } from "./normaliser/NormaliseRule.ts"
import type { Sentence } from "./PhonemeReader.ts"

/** A longer sentence is cut between words: a line is read as a whole, from its end. */
export const MAX_LENGTH = 2_000
/** The longest word that a full stop may belong to. */
const MAX_WORD = 64

const end = new RegExp(`(?<=[.!?…])["”’)\\]]*[${WS}]+(?=[^${WS}])`, "gu")
const opening = /^[("“'‘]+/u
const space = new RegExp(`[${WS}]`, "u")
const isSpace = (text: string, at: number) => space.test(text[at]!)

/** A part of a text without the white space at its ends. */
const trimmed = (text: string, from: number, to: number): Sentence => {
  let [start, stop] = [from, to]
  while (start < stop && isSpace(text, start)) start++
  while (stop > start && isSpace(text, stop - 1)) stop--
  return { text: text.slice(start, stop), start }
}

/** Cuts what is too long: at the last white space that is not too far, else anywhere. */
const cutLong = ({ start, text }: Sentence, longest: number): ReadonlyArray<Sentence> => {
  const parts: Array<Sentence> = []
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + longest)
    if (to < text.length) {
      let at = to
      while (at > from && !isSpace(text, at)) at--
      if (at > from) to = at
      else if (isPairAt(text, to - 1)) to--
    }
    const part = trimmed(text, from, to)
    if (part.text !== "") parts.push({ text: part.text, start: start + part.start })
    from = to
  }
  return parts
}

/**
 * Gives the sentences of a text.
 *
 * @category models
 * @since 0.1.0
 */
export type SplitSentences = (text: string) => ReadonlyArray<Sentence>

/**
 * Cuts sentences; the full stop of a title or an abbreviation is not the end of one. Those longer than `longest` characters are
 * cut between words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ abbreviations, titles }: NormaliseTables, longest = MAX_LENGTH): SplitSentences => {
  const beforeNumber = new Set(["No", "Nos", "Rs"])

  /** Whether the full stop at an offset ends a sentence, before this character. */
  const ends = (text: string, stop: number, next: string): boolean => {
    const from = text.slice(Math.max(0, stop - MAX_WORD), stop)
    const word = from.slice(from.lastIndexOf(" ") + 1).replace(opening, "")
    if (titles.has(word) || /^\p{Lu}$/u.test(word)) return false
    return !(/^\p{Nd}/u.test(next) && (abbreviations.has(`${word}.`) || beforeNumber.has(word)))
  }

  const cut = (paragraph: Sentence): ReadonlyArray<Sentence> => {
    const { start, text } = paragraph
    const parts: Array<Sentence> = []
    let from = 0
    for (const { 0: gap, index } of text.matchAll(end)) {
      const after = index + gap.length
      const next = String.fromCodePoint(text.codePointAt(after) ?? 0)
      if (/\p{Lowercase}/u.test(next) || (text[index - 1] === "." && !ends(text, index - 1, next))) continue
      const part = trimmed(text, from, after)
      parts.push({ text: part.text, start: start + part.start })
      from = after
    }
    if (from < text.length) parts.push({ text: text.slice(from), start: start + from })
    return parts
  }

  return (text) => {
    const sentences: Array<Sentence> = []
    let from = 0
    for (const line of text.split("\n")) {
      for (const part of cut(trimmed(text, from, from + line.length))) sentences.push(...cutLong(part, longest))
      from += line.length + 1
    }
    return sentences
  }
}
