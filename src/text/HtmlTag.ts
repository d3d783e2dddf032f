/**
 * HTML tags in Markdown. Pure.
 *
 * @since 0.1.0
 */
import { MAX_LOOKAHEAD, MORE, NONE } from "./Lookahead.ts"

const blockTags = new Set(
  ("address article aside blockquote br center dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 " +
    "header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul").split(" ")
)
const inlineTags = new Set(
  ("a abbr audio b bdi bdo big button cite code data del dfn em font i iframe img input ins kbd label mark q s samp " +
    "script select small source span strike strong style sub sup svg time tt u var video wbr " +
    "break emphasis phoneme prosody say-as speak voice").split(" ")
)

/**
 * Whether a text begins with a tag of an HTML block, which ends a line of speech.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBlockTag = (text: string): boolean =>
  blockTags.has(/^<\/?([a-z0-9]+)/iu.exec(text)?.[1]?.toLowerCase() ?? "")

/**
 * Returns the end of the known HTML tag at `at`, `NONE` if there is none, or `MORE` if that is undecided.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tagEnd = (text: string, at: number, final: boolean): number => {
  const limit = at + MAX_LOOKAHEAD
  let i = at + 1
  const undecided = () => i >= limit || final ? NONE : MORE
  const more = () => i >= text.length || i >= limit
  if (text.charAt(i) === "/") i++
  const name = i
  while (!more() && /[a-z0-9-]/iu.test(text.charAt(i))) i++
  if (more()) return undecided()
  const tag = text.slice(name, i).toLowerCase()
  if (!blockTags.has(tag) && !inlineTags.has(tag)) return NONE
  while (true) {
    const gap = i
    while (!more() && /\s/u.test(text.charAt(i))) i++
    if (more()) return undecided()
    if (text.charAt(i) === "/") i++
    if (more()) return undecided()
    if (text.charAt(i) === ">") return i + 1
    if (i === gap || !/[a-z_:@]/iu.test(text.charAt(i))) return NONE
    while (!more() && /[\w:.@-]/u.test(text.charAt(i))) i++
    if (more()) return undecided()
    if (text.charAt(i) !== "=") {
      if (/[>/]/u.test(text.charAt(i))) continue
      return NONE
    }
    i++
    if (more()) return undecided()
    const quote = text.charAt(i)
    if (quote === "\"" || quote === "'") {
      i++
      while (!more() && text.charAt(i) !== quote) i++
      i++
    } else while (!more() && /[^\s>"'<]/u.test(text.charAt(i))) i++
    if (more()) return undecided()
  }
}
