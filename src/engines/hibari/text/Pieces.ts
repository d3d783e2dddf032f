/**
 * Cuts the phonemes of a sentence into pieces for the network, and finds which of their ids say which word.
 *
 * @since 0.1.0
 */
import { WS } from "./CharacterClasses.ts"
import type { Piece, PieceWord, ReadOptions, Sentence } from "./PhonemeReader.ts"

/**
 * The signs of a sentence (code points), and for each its place in the original text.
 *
 * @category models
 * @since 0.1.0
 */
export interface PhonemeSigns {
  readonly signs: ReadonlyArray<string>
  readonly origin: ReadonlyArray<number>
}

/** A piece is cut at punctuation when it is longer. */
const LONGEST = 400
/** What has no punctuation is cut when it is longer. The network takes more, in time that grows with the square. */
const LIMIT = 800

const space = new RegExp(`^[${WS}]$`, "u")
const isSpace = (sign: string | undefined) => sign !== undefined && space.test(sign)
/** The punctuation whose following space allows a cut. */
const cutAfter = new Set([",", ";", ":", "—"])
const unvoiced = new Set("; : , . ! ? — … \" ( ) “ ”")

interface Range {
  readonly from: number
  readonly to: number
}

/** What stands between the places where a cut is allowed. */
const partsOf = (signs: ReadonlyArray<string>, from: number, to: number): ReadonlyArray<Range> => {
  const parts: Array<Range> = []
  let start = from
  for (let i = from + 1; i < to; i++) {
    if (!isSpace(signs[i]) || !cutAfter.has(signs[i - 1]!)) continue
    parts.push({ from: start, to: i })
    while (i < to && isSpace(signs[i])) i++
    start = i
  }
  parts.push({ from: start, to })
  return parts
}

/** Cuts a part without punctuation that is longer than `limit` after `length` signs: between words, else anywhere. */
const cutLong = (
  signs: ReadonlyArray<string>,
  { from, to }: Range,
  { length, limit }: { readonly length: number; readonly limit: number }
): ReadonlyArray<Range> => {
  const parts: Array<Range> = []
  let start = from
  while (to - start > limit) {
    let end = start + length
    while (end > start && !isSpace(signs[end])) end--
    if (end === start) end = start + length
    parts.push({ from: start, to: end })
    start = isSpace(signs[end]) ? end + 1 : end
  }
  parts.push({ from: start, to })
  return parts
}

/** Packs as much into a piece as fits. */
const rangesOf = (
  { signs }: PhonemeSigns,
  { longest = LONGEST, longestFirst = longest }: ReadOptions
): ReadonlyArray<Range> => {
  let [from, to] = [0, signs.length]
  while (from < to && isSpace(signs[from])) from++
  while (to > from && isSpace(signs[to - 1])) to--
  if (to - from <= Math.min(longest, longestFirst)) return [{ from, to }]
  const ranges: Array<Range> = []
  const cut = longest < LONGEST
    ? { length: Math.ceil(1.5 * longest), limit: 2 * longest }
    : { length: LONGEST, limit: LIMIT }
  for (const part of partsOf(signs, from, to).flatMap((range) => cutLong(signs, range, cut))) {
    const last = ranges.at(-1)
    // what is joined keeps one space between
    const joined = last === undefined ? 0 : last.to - last.from + 1 + part.to - part.from
    const limit = Math.min(LONGEST, ranges.length > 1 ? longest : longestFirst)
    if (last !== undefined && joined <= limit) ranges[ranges.length - 1] = { from: last.from, to: part.to }
    else ranges.push(part)
  }
  return ranges
}

/** For each word, the ids that say it. */
class WordIds {
  readonly #words: ReadonlyArray<Sentence>
  #next = 0
  #current = 0

  constructor(sentence: Sentence) {
    this.#words = Array.from(
      sentence.text.matchAll(/\S+/gu),
      ({ 0: text, index }) => ({ text, start: sentence.start + index })
    )
  }

  /** The word at a place; never one before the last. */
  at(place: number): number {
    const end = (word: Sentence) => word.start + word.text.length
    while (this.#current < this.#words.length - 1 && end(this.#words[this.#current]!) <= place) this.#current++
    return this.#current
  }

  /** The words up to the last of a piece, with those before it that have no sound; with all that are left in the last piece. */
  take(spans: ReadonlyMap<number, Range>, isLast: boolean): ReadonlyArray<PieceWord> {
    const first = Math.min(this.#next, ...spans.keys())
    const end = isLast ? this.#words.length : Math.max(this.#next, ...[...spans.keys()].map((word) => word + 1))
    this.#next = end
    let before = 1
    return this.#words.slice(first, end).map(({ start, text }, i) => {
      const { from, to } = spans.get(first + i) ?? { from: before, to: before }
      before = to
      return { start, end: start + text.length, firstId: from, endId: to }
    })
  }
}

/**
 * The pieces of a sentence; none that the network has no id for.
 *
 * @category conversions
 * @since 0.1.0
 */
export const make = (
  ids: ReadonlyMap<string, number>,
  sentence: Sentence,
  phonemes: PhonemeSigns,
  options: ReadOptions = {}
): ReadonlyArray<Piece> => {
  const words = new WordIds(sentence)
  const pieces: Array<{ readonly phonemes: string; readonly ids: Array<number>; readonly spans: Map<number, Range> }> =
    []
  for (const { from, to } of rangesOf(phonemes, options)) {
    const piece = { phonemes: "", ids: [0], spans: new Map<number, Range>() }
    for (let i = from; i < to; i++) {
      const sign = phonemes.signs[i]!
      piece.phonemes += sign
      const id = ids.get(sign)
      if (id === undefined) continue
      const at = piece.ids.push(id) - 1
      if (unvoiced.has(sign) || isSpace(sign)) continue
      const word = words.at(phonemes.origin[i]!)
      piece.spans.set(word, { from: piece.spans.get(word)?.from ?? at, to: at + 1 })
    }
    piece.ids.push(0)
    if (piece.ids.length > 2) pieces.push(piece)
  }
  return pieces.map(({ ids: numbers, phonemes: text, spans }, i) => ({
    phonemes: text,
    ids: numbers,
    words: words.take(spans, i === pieces.length - 1)
  }))
}
