/**
 * Tags in Markdown: of HTML, of SSML and of speech engines. Pure.
 *
 * @since 0.1.0
 */
import { MORE, NONE } from "../Lookahead.ts"

const blockTags = new Set(
  ("address article aside blockquote br center dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 " +
    "header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul").split(" ")
)
const inlineTags = new Set(
  ("a abbr audio b bdi bdo big button cite code data del dfn em font i iframe img input ins kbd label mark q s samp " +
    "script select small source span strike strong style sub sup svg time tt u var video wbr " +
    "break emphasis lang phoneme prosody say-as speak voice spell emotion speed volume pause").split(" ")
)

/** How far the end of a tag is searched, in characters. */
const MAX_TAG = 150
const MAX_NAME = 40

/** A type of a program: "List<String>", "Map<string, int>". */
const typeName =
  /^(?:\p{Lu}\w*|any|bool|boolean|byte|char|double|float|int|long|never|number|object|str|string|unknown|void|[iuf](?:8|16|32|64))$/u

/**
 * A tag.
 *
 * - `end`: where it ends in the text.
 * - `name`: in lower case.
 * - `kind`: a start tag, an end tag, or one that is both.
 * - `isOpen`: the value of an attribute goes on after `end`; `restOfTag` reads on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tag {
  readonly end: number
  readonly name: string
  readonly kind: "start" | "end" | "empty"
  readonly isOpen?: boolean
}

/**
 * Whether a tag belongs to an HTML block, which ends a line of speech.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBlockTag = ({ name }: Tag): boolean => blockTags.has(name)

/** What was found after the name of a tag. */
interface Attributes {
  /** The end of the tag, `NONE` or `MORE`. */
  readonly end: number
  readonly isEmpty: boolean
  readonly hasValue: boolean
  readonly isOpen: boolean
}

/** Reads the attributes of a tag, up to its ">". With `strict`, an attribute without a value is none. */
const attributes = (text: string, from: number, final: boolean, strict: boolean): Attributes => {
  const limit = from + MAX_TAG
  let i = from
  let isEmpty = false
  let hasValue = false
  let isUnspaced = false
  const more = () => i >= text.length || i >= limit
  const found = (end: number, isOpen = false): Attributes => ({ end, isEmpty, hasValue, isOpen })
  const undecided = () => {
    if (i < limit) return final ? found(hasValue ? text.length : NONE) : found(MORE)
    return isUnspaced ? found(limit, true) : found(NONE)
  }
  while (true) {
    isUnspaced = false
    const gap = i
    while (!more() && /\s/u.test(text.charAt(i))) i++
    if (more()) return undecided()
    if (text.charAt(i) === "/") {
      isEmpty = true
      i++
    }
    if (more()) return undecided()
    if (text.charAt(i) === ">") return found(i + 1)
    // "<pause 1s>"
    if (i === gap || !(strict ? /[a-z_:@]/iu : /[a-z\d_:@]/iu).test(text.charAt(i))) return found(NONE)
    while (!more() && /[\w:.@-]/u.test(text.charAt(i))) i++
    if (more()) return undecided()
    if (text.charAt(i) !== "=") {
      if (!strict && /[>/\s]/u.test(text.charAt(i))) continue
      return found(NONE)
    }
    i++
    hasValue = true
    if (more()) return undecided()
    const quote = text.charAt(i)
    isUnspaced = true
    if (quote === "\"" || quote === "'") {
      i++
      while (!more() && text.charAt(i) !== quote) {
        isUnspaced &&= !/\s/u.test(text.charAt(i))
        i++
      }
      if (more()) return undecided()
      i++
    } else while (!more() && /[^\s>"'<]/u.test(text.charAt(i))) i++
    if (more()) return undecided()
  }
}

/**
 * Returns the tag at `at`, `NONE` if there is none, or `MORE` if that is undecided. `isKept` says which further names are
 * tags wherever they stand; `attached`: the tag stands right after a letter or digit.
 *
 * The names of HTML and SSML are tags everywhere. So is any other name, except in "x<y", "I <3 you", "List<String>", and
 * "<your name>", which a model writes for words to be filled in.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tagAt = (
  text: string,
  at: number,
  final: boolean,
  isKept: (name: string) => boolean,
  attached: boolean
): Tag | typeof NONE | typeof MORE => {
  const isEnd = text.charAt(at + 1) === "/"
  const from = at + (isEnd ? 2 : 1)
  let i = from
  while (i < text.length && i - from <= MAX_NAME && /[a-z0-9:_-]/iu.test(text.charAt(i))) i++
  const written = text.slice(from, i)
  const name = written.toLowerCase()
  if (i === text.length && (name === "" || /^[a-z]/u.test(name)) && i - from <= MAX_NAME) {
    if (!final) return MORE
    return isEnd && name !== "" ? { end: i, name, kind: "end" } : NONE
  }
  if (!/^[a-z]/u.test(name) || i - from > MAX_NAME) return NONE
  const isKnown = blockTags.has(name) || inlineTags.has(name) || isKept(name)
  if (!isKnown && attached && !isEnd && typeName.test(written)) return NONE
  const { end, hasValue, isEmpty, isOpen } = attributes(text, i, final, !isEnd && (!isKnown || attached))
  if (end === NONE) return isEnd && final && i === text.length ? { end: i, name, kind: "end" } : NONE
  if (end === MORE) return MORE
  // "x<y" at the end of the text
  if (final && end === text.length && text.charAt(end - 1) !== ">" && !hasValue) return NONE
  return { end, name, kind: isEnd ? "end" : isEmpty ? "empty" : "start", ...(isOpen ? { isOpen } : {}) }
}

/**
 * Reads on in a tag that was open: returns where it ends, or goes on (`isOpen`), or `MORE` if that is undecided.
 *
 * @category accessors
 * @since 0.1.0
 */
export const restOfTag = (
  text: string,
  at: number,
  final: boolean
): { readonly end: number; readonly isOpen: boolean } | typeof MORE => {
  let i = at
  while (i < text.length && /[^\s>"']/u.test(text.charAt(i))) i++
  if (i > at || i === text.length) return { end: i, isOpen: !final }
  if (text.charAt(i) === ">") return { end: i + 1, isOpen: false }
  const from = /["']/u.test(text.charAt(i)) ? i + 1 : i
  const { end, isOpen } = attributes(text, from, final, false)
  return end === MORE ? MORE : end === NONE ? { end: from, isOpen: false } : { end, isOpen }
}
