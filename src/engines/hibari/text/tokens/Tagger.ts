/**
 * Tags tokens with their part of speech (Penn tags), from left to right, by an averaged perceptron.
 *
 * @since 0.1.0
 */
import { DIGITLIKE, isAlpha, isDigits, isLower, isUpper, lastCharacters, startsWithDigit } from "../CharacterClasses.ts"

/**
 * The weights of the features: those of a feature with a number n are the places `starts[n]` to `starts[n + 1]` of `tags`
 * and `tenths`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaggerWeights {
  readonly features: ReadonlyMap<string, number>
  readonly starts: Uint32Array
  readonly tags: Uint8Array
  readonly tenths: Int16Array
}

/**
 * - `tags`: the names of all tags.
 * - `known`: the tags of words that have only one.
 * - `vocabulary`: the words that features name; others are named by their shape.
 *
 * @category models
 * @since 0.1.0
 */
export interface TaggerTables {
  readonly tags: ReadonlyArray<string>
  readonly known: ReadonlyMap<string, string>
  readonly vocabulary: ReadonlySet<string>
  readonly weights: TaggerWeights
}

const normalised = (word: string): string => {
  if (word.includes("-") && !word.startsWith("-")) return "!HYPHEN"
  if (isDigits(word) && Array.from(word).length === 4) return "!YEAR"
  return startsWithDigit(word) ? "!DIGITS" : word.toLowerCase()
}

const digitLike = new RegExp(`^[${DIGITLIKE}]$`, "u")

const shape = (word: string): string => {
  if (isAlpha(word)) {
    if (isLower(word)) return "x"
    const [first = "", ...rest] = word
    if (isUpper(word)) return rest.length > 0 ? "XX" : "X1"
    return isUpper(first) && isLower(rest.join("")) ? "Xx" : "xX"
  }
  if (isDigits(word)) return "d"
  let out = ""
  let count = 0
  for (const sign of word) {
    if (count++ === 4) break
    out += digitLike.test(sign) ? "d" : isAlpha(sign) ? "x" : sign
  }
  return out
}

const lastThree = (text: string) => lastCharacters(text, 3)
const firstOf = (text: string) => String.fromCodePoint(text.codePointAt(0) ?? 0)

/**
 * Gives the tags of a line's tokens.
 *
 * @category models
 * @since 0.1.0
 */
export type Tag = (words: ReadonlyArray<string>) => ReadonlyArray<string>

/**
 * A tagger with these tables.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ known, tags, vocabulary, weights }: TaggerTables): Tag => {
  const scores = new Float64Array(tags.length)

  /** The tag with the highest score; of equal ones that with the greatest name. The order of additions is that of the features. */
  const best = (features: ReadonlyArray<string>): string => {
    scores.fill(0)
    let found = false
    for (const feature of features) {
      const n = weights.features.get(feature)
      if (n === undefined) continue
      found = true
      const end = weights.starts[n + 1]!
      for (let at = weights.starts[n]!; at < end; at++) scores[weights.tags[at]!]! += weights.tenths[at]! / 10
    }
    if (!found) return "NN"
    let winner = 0
    for (let i = 1; i < tags.length; i++) {
      const ahead = scores[i]! - scores[winner]!
      if (ahead > 0 || (ahead === 0 && tags[i]! > tags[winner]!)) winner = i
    }
    return tags[winner]!
  }

  return (words) => {
    const context = [
      "-START2-",
      "-START-",
      ...words.map((word) => {
        const text = normalised(word)
        return vocabulary.has(text) ? text : `<${shape(word)}>`
      }),
      "-END-",
      "-END2-"
    ]
    let [before2, before] = ["-START2-", "-START-"]
    return words.map((word, i) => {
      const at = (offset: number) => context[i + 2 + offset]!
      const tag = known.get(word) ?? best([
        "b",
        `s3=${lastThree(word)}`,
        `p1=${firstOf(word)}`,
        `w=${at(0)}`,
        `sh=${shape(word)}`,
        i === 0 ? "i0" : "i+",
        `t-1=${before}`,
        `t-2=${before2}`,
        `t-12=${before},${before2}`,
        `w-1=${at(-1)}`,
        `s3-1=${lastThree(at(-1))}`,
        `w-2=${at(-2)}`,
        `w+1=${at(1)}`,
        `s3+1=${lastThree(at(1))}`,
        `w+2=${at(2)}`
      ])
      before2 = before
      before = tag
      return tag
    })
  }
}
