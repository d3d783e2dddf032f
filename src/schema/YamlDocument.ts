/**
 * Reads a document of strangers in JSON or YAML, bounded: by aliases and nesting a short text may stand for millions of values, and
 * what stands in brackets over several lines is read again for each of them. Pure.
 *
 * @since 0.1.0
 */
import * as Yaml from "effect/encoding/Yaml"
import * as Result from "effect/Result"
import { parse as parseJson } from "./Json.ts"

/** Of a text in YAML, in characters: its reader takes a second for a megabyte. */
const MAX_YAML = 2_097_152
/** Values once aliases are followed, and their nesting. */
const MAX_VALUES = 500_000
const MAX_DEPTH = 96
/** Lines times characters, where brackets go over several lines. */
const MAX_COPIED = 100_000_000
/** The reader's expressions for white space, escapes and numbers take the square of the longest run of them. */
const LONG_RUN = /[ \t\\]{400}|[\d_]{400}/u
const MERGE_KEY = /(?:^|[\s{,])<<\s*:/u

const QUOTED = /"(?:[^"\\]|\\.)*"|'[^']*'|(?:^|\s)#.*$/gu

/** Whether a bracket of a line is closed in another one. */
const goesOn = (line: string): boolean => {
  if (!/[[{]/u.test(line)) return false
  let open = 0
  for (const character of line.replace(QUOTED, "")) {
    if (character === "[" || character === "{") open++
    else if ((character === "]" || character === "}") && open > 0) open--
  }
  return open > 0
}

const faultOfText = (text: string): string | undefined => {
  if (text.length > MAX_YAML) return `has more than ${MAX_YAML} characters of YAML: give it in JSON`
  if (LONG_RUN.test(text)) return "has hundreds of spaces, backslashes or digits in a row"
  if (MERGE_KEY.test(text)) return "has merge keys (<<), which are not read"
  const lines = text.split("\n")
  return lines.length * text.length > MAX_COPIED && lines.some(goesOn)
    ? "has brackets over several lines, and is too long for that: give it in JSON"
    : undefined
}

const isTooLarge = (document: unknown): boolean => {
  const stack: Array<{ readonly value: unknown; readonly depth: number }> = [{ value: document, depth: 0 }]
  let values = 0
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { depth, value } = next
    if (++values > MAX_VALUES || depth > MAX_DEPTH) return true
    if (typeof value !== "object" || value === null) continue
    const inner: ReadonlyArray<unknown> = Object.values(value)
    if (values + stack.length + inner.length > MAX_VALUES) return true
    for (const each of inner) stack.push({ value: each, depth: depth + 1 })
  }
  return false
}

/**
 * Reads it. Fails with what is wrong with it, as the rest of a sentence that names it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<unknown, string> => {
  if (/^\s*[[{]/u.test(text)) {
    const json = parseJson(text)
    if (json !== undefined) return Result.succeed(json)
  }
  const fault = faultOfText(text)
  if (fault !== undefined) return Result.fail(fault)
  // its message quotes the text
  const read = Result.try({ try: () => Yaml.parse(text), catch: () => "is neither JSON nor YAML" })
  return Result.flatMap(
    read,
    (document) => isTooLarge(document) ? Result.fail("has too many values") : Result.succeed(document)
  )
}
