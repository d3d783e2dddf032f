/**
 * Cuts a line into tokens as the tagger was trained on them: signs are peeled off both ends of what stands between spaces,
 * words such as "don't" are divided by a table, and the rest is cut at dashes and the like.
 *
 * @since 0.1.0
 */
import { D, isPairAt, LET, LOWER, UPPER, W, WS } from "../CharacterClasses.ts"
import type * as MappedText from "../MappedText.ts"
import { ICONS, prefixLength, QUOTES, suffixLength } from "./TokenSigns.ts"

/**
 * A token of a line.
 *
 * - `space`: whether white space follows it.
 * - `origin`: its place in the original text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Token {
  readonly text: string
  readonly space: boolean
  readonly origin: number
}

/**
 * Chunks with tokens of their own, such as "don't" and ":)".
 *
 * @category models
 * @since 0.1.0
 */
export type Exceptions = ReadonlyMap<string, ReadonlyArray<string>>

/** A longer run without spaces is cut: what follows takes more than proportional time for one. */
const MAX_CHUNK = 1_000

const address = new RegExp(
  `^(?:(?:(?:https?|ftp)://|www\\.)[^${WS}]+` +
    `|[${W}.+-]+@[${W}-]+(?:\\.[${W}-]+)+` +
    `|(?:[${W}-]+\\.)+(?:com|org|net|edu|gov|io|co|uk|de|fr|info|biz|us|ca|au|tv|me|ly|ai)(?:/[^${WS}]*)?)$`,
  "iu"
)

const infix = new RegExp(
  [
    "\\.{2,}",
    "…",
    `[${ICONS}]`,
    "(?<=[0-9])[+*^-](?=[0-9-])",
    `(?<=[${LOWER}${QUOTES}])\\.(?=[${UPPER}${QUOTES}])`,
    `(?<=[${LET}]),(?=[${LET}])`,
    `(?<=[${LET}${D}])(?:-|–|—|--|---|——|~)(?=[${LET}])`,
    `(?<=[${LET}${D}])[:<>=/](?=[${LET}])`
  ].join("|"),
  "gu"
)

const atInfixes = (text: string): ReadonlyArray<string> => {
  const parts: Array<string> = []
  let from = 0
  for (const { 0: sign, index } of text.matchAll(infix)) {
    if (index === 0) continue
    if (index > from) parts.push(text.slice(from, index))
    parts.push(sign)
    from = index + sign.length
  }
  if (from < text.length) parts.push(text.slice(from))
  return parts
}

/**
 * Gives the tokens of a chunk, a run without white space.
 *
 * @category models
 * @since 0.1.0
 */
export type Tokenise = (chunk: string) => ReadonlyArray<string>

/**
 * Cuts chunks with these exceptions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tokeniser = (exceptions: Exceptions): Tokenise => {
  let longest = 0
  for (const key of exceptions.keys()) longest = Math.max(longest, key.length)
  const find = (text: string) => (text.length > longest ? undefined : exceptions.get(text))

  const peel = (chunk: string) => {
    const front: Array<string> = []
    const back: Array<string> = []
    let [from, to] = [0, chunk.length]
    const cutPrefix = (length: number) => front.push(chunk.slice(from, from += length))
    const cutSuffix = (length: number) => back.push(chunk.slice(to -= length, to + length))
    for (let before = -1; from < to && to - from !== before && find(chunk.slice(from, to)) === undefined;) {
      before = to - from
      const prefix = prefixLength(chunk.slice(from, to))
      if (prefix > 0 && prefix < before && find(chunk.slice(from + prefix, to)) !== undefined) {
        cutPrefix(prefix)
        break
      }
      const suffix = suffixLength(chunk.slice(from, to), prefix)
      if (suffix > 0 && suffix < before && find(chunk.slice(from, to - suffix)) !== undefined) {
        cutSuffix(suffix)
        break
      }
      if (prefix > 0) cutPrefix(prefix)
      if (suffix > 0 && prefix + suffix <= before) cutSuffix(suffix)
    }
    return { front, back: back.reverse(), rest: chunk.slice(from, to) }
  }

  const middle = (rest: string): ReadonlyArray<string> =>
    rest === "" ? [] : find(rest) ?? (address.test(rest) ? [rest] : atInfixes(rest))

  /** Neighbours that make an exception together. */
  const rejoin = (parts: ReadonlyArray<string>): ReadonlyArray<string> => {
    const out: Array<string> = []
    for (let i = 0; i < parts.length;) {
      const count = [3, 2].find((n) => i + n <= parts.length && find(parts.slice(i, i + n).join("")) !== undefined)
      out.push(...(count === undefined ? [parts[i]!] : find(parts.slice(i, i + count).join("")) ?? []))
      i += count ?? 1
    }
    return out
  }

  return (chunk) => {
    const whole = find(chunk)
    if (whole !== undefined) return whole
    const { back, front, rest } = peel(chunk)
    return rejoin([...front, ...middle(rest), ...back])
  }
}

const chunks = new RegExp(`[^${WS}]+`, "gu")

/** The chunks of a line, none longer than `MAX_CHUNK`. */
const chunksOf = (line: string): ReadonlyArray<readonly [text: string, start: number]> => {
  const found: Array<readonly [string, number]> = []
  for (const { 0: chunk, index } of line.matchAll(chunks)) {
    for (let at = 0; at < chunk.length;) {
      let end = Math.min(chunk.length, at + MAX_CHUNK)
      if (end < chunk.length && isPairAt(chunk, end - 1)) end--
      found.push([chunk.slice(at, end), index + at])
      at = end
    }
  }
  return found
}

/**
 * The tokens of a line.
 *
 * @category conversions
 * @since 0.1.0
 */
export const tokens = (tokenise: Tokenise, line: MappedText.MappedText): ReadonlyArray<Token> => {
  const out: Array<Token> = []
  for (const [chunk, start] of chunksOf(line.text)) {
    const parts = tokenise(chunk)
    let at = start
    parts.forEach((text, i) => {
      const isLast = i === parts.length - 1
      out.push({ text, space: isLast && start + chunk.length < line.text.length, origin: line.origin[at] ?? 0 })
      at += text.length
    })
  }
  return out
}
