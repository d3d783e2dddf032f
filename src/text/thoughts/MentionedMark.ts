/**
 * Tells a mark that somebody explains from one that does something. Pure.
 *
 * @since 0.1.0
 */
import type { Mark } from "./ThoughtMarks.ts"

const quotes = /[`"'“”‘’«»„]/u
/** Around a mark within a line. */
const wrapped = /[()*_]/u
/** What follows a mark within a line: "the <think> tag", "it writes <think>, then …". */
const noun = /^(?:[,;:?!]|\.(?!\.)|[ -](?:tags?|tokens?|elements?|blocks?|markers?)(?![a-z]))/iu
const mayBeNoun = /^(?:\.|[ -][a-z]{0,8})?$/iu
const LONGEST_NOUN = 10

/**
 * Whether the mark that ends at a position is only mentioned; `"more"` while that depends on what follows. `before` is the
 * character before the mark, `lineStart` tells that no word is before it on its line.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isMentioned = (
  mark: Mark,
  before: string,
  lineStart: boolean,
  text: string,
  end: number,
  final: boolean
): boolean | "more" => {
  const after = text.slice(end, end + LONGEST_NOUN)
  const isWrapped = wrapped.test(before) && !lineStart
  const isBeforeQuote = quotes.test(before)
  if ((isBeforeQuote || isWrapped) && after === "" && !final) return "more"
  const isNamed = mark.isTag && !lineStart && /\s/u.test(before)
  if (isNamed && !final && mayBeNoun.test(after)) return "more"
  return (isBeforeQuote && quotes.test(after.charAt(0))) || (isWrapped && wrapped.test(after.charAt(0))) ||
    (isNamed && noun.test(after))
}
