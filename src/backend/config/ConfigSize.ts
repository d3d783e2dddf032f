/**
 * Bounds what a config may be multiplied into: by aliases and merge keys of YAML, by variables, by nesting.
 *
 * The size of the file alone says little: 400 bytes of aliases make 40 million values. Pure; the cost is bounded by the
 * limits, whatever comes.
 *
 * @since 0.1.0
 */

/**
 * The most values that a config may have once its aliases are followed: 50,000.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_VALUES = 50_000

/**
 * The most characters of keys and texts, once aliases and variables are followed: 4 Mi.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_CHARACTERS = 4_194_304

/**
 * The deepest nesting: 32 levels, deeper than any config and not deep enough to overflow the stack.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_DEPTH = 32

const MAX_LINES = 20_000
/** What is in brackets over several lines is copied and kept whole for each of them: lines times characters, 125 MB. */
const MAX_COPIED = 250_000_000
/** The parser's expressions for white space, escapes and numbers take the square of the longest run of them. */
const MAX_RUN = 200
/** Commas, colons and line ends: a text with more has more than `MAX_VALUES` values, or next to no other characters. */
const MAX_SEPARATORS = 4 * MAX_VALUES
/** How many keys merge keys may copy, at most: the aliases times the keys of the text. */
const MAX_MERGED = 200_000

const formatted = (count: number): string => count.toLocaleString("en-US")

const countOf = (text: string, pattern: RegExp): number => {
  let count = 0
  for (const _ of text.matchAll(pattern)) count++
  return count
}

/** What the parser reads as a run: white space and backslashes (1), digits and what it drops between them (2). */
const kindOf = (code: number): number =>
  code === 0x20 || code === 0x09 || code === 0x5c ? 1 : (code >= 0x30 && code <= 0x39) || code === 0x5f ? 2 : 0

/** How many characters of one kind stand in a row, at most. */
const longestRun = (text: string): number => {
  let longest = 0
  let run = 0
  let before = 0
  for (let i = 0; i < text.length; i++) {
    const kind = kindOf(text.charCodeAt(i))
    run = kind === 0 ? 0 : kind === before ? run + 1 : 1
    before = kind
    if (run > longest) longest = run
  }
  return longest
}

/**
 * What makes a YAML text too much work to parse; `undefined` when it is not.
 *
 * @category validation
 * @since 0.1.0
 */
export const faultOfText = (text: string): string | undefined => {
  const lines = countOf(text, /\n/g)
  if (lines >= MAX_LINES) return `it has more than ${formatted(MAX_LINES)} lines`
  if (/[[{]/.test(text) && lines * text.length > MAX_COPIED) {
    return `with lists or mappings in brackets, its lines times its characters may be at most ${formatted(MAX_COPIED)}`
  }
  if (countOf(text, /[,:\n]/g) > MAX_SEPARATORS) return `it has more than ${formatted(MAX_VALUES)} values`
  if (longestRun(text) > MAX_RUN) return `it has more than ${MAX_RUN} spaces, backslashes or digits in a row`
  const merged = text.includes("<<") ? countOf(text, /\*[^\s,[\]{}]/g) * countOf(text, /:/g) : 0
  return merged > MAX_MERGED ? `its merge keys may copy more than ${formatted(MAX_MERGED)} keys` : undefined
}

/**
 * Which limit a config exceeds; `undefined` when it exceeds none.
 *
 * @category validation
 * @since 0.1.0
 */
export const faultOf = (config: unknown): string | undefined => {
  const stack: Array<{ readonly value: unknown; readonly depth: number }> = [{ value: config, depth: 0 }]
  let values = 0
  let characters = 0
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    values++
    const { depth, value } = next
    if (typeof value === "string") characters += value.length
    else if (typeof value === "object" && value !== null) {
      if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`
      const inner = Object.entries(value)
      if (values + stack.length + inner.length > MAX_VALUES) return `it has more than ${formatted(MAX_VALUES)} values`
      for (const [key, item] of inner) {
        if (!Array.isArray(value)) characters += key.length
        stack.push({ value: item, depth: depth + 1 })
      }
    }
    if (characters > MAX_CHARACTERS) return `it has more than ${formatted(MAX_CHARACTERS)} characters`
  }
  return undefined
}
