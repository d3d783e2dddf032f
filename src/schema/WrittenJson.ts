/**
 * Reads JSON that a language model wrote by itself, with the mistakes that models make. Pure.
 *
 * The caller bounds the length of the text. Each rule reads the text once.
 *
 * @since 0.1.0
 */
import * as Json from "./Json.ts"

const fence = /^```[a-z]*\s*/iu
const doubled = /^\{\s*(\{[^]*\})\s*\}$/u
// one without an end takes the rest, so that nothing is read twice
const string = /"(?:[^"\\]|\\[^])*(?:"|\\?$)/gu
const pythonPart = /"(?:[^"\\]|\\[^])*(?:"|\\?$)|'(?:[^'\\]|\\[^])*(?:'|\\?$)|\b(?:True|False|None)\b|,(?=\s*[}\]])/gu
const pythonWords: { readonly [word: string]: string } = { True: "true", False: "false", None: "null", ",": "" }

/** Escapes the control characters within strings, which some models write as they are. */
const escaped = (text: string): string =>
  text.replace(string, (told) =>
    // oxlint-disable-next-line no-control-regex -- these are what is not allowed
    told.replace(/[\u0000-\u001f]/gu, (char) => JSON.stringify(char).slice(1, -1)))

/** A dictionary in Python's notation as JSON. */
const fromPython = (text: string): string =>
  text.replace(pythonPart, (part) =>
    part.startsWith("'")
      ? `"${part.slice(1, -1).replace(/\\'/gu, "'").replace(/(?<!\\)"/gu, "\\\"")}"`
      : pythonWords[part] ?? part)

/**
 * Parses JSON as models write it: in a code fence, with control characters in strings, in Python's notation, in braces that
 * are doubled, with a comma too many. `undefined` when it cannot be read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): unknown => {
  const trimmed = text.trim()
  const inner = fence.test(trimmed) ? trimmed.replace(fence, "").replace(/```$/u, "").trim() : trimmed
  const value = Json.parse(inner) ?? Json.parse(escaped(inner)) ?? Json.parse(escaped(fromPython(inner)))
  return value === undefined ? Json.parse(doubled.exec(inner)?.[1] ?? "") : value
}

/**
 * Adds the brackets that are missing at the end of a JSON value. `undefined` when none are missing, or when the text ends
 * within a string or before a value.
 *
 * @category conversions
 * @since 0.1.0
 */
export const close = (text: string): string | undefined => {
  const open: Array<string> = []
  let isInString = false
  const rest = text.replace(string, (told) => {
    isInString ||= told.length < 2 || !told.endsWith("\"")
    return "\"\""
  }).trim()
  for (const char of rest) {
    if (char === "{") open.push("}")
    else if (char === "[") open.push("]")
    else if ((char === "}" || char === "]") && open.pop() !== char) return undefined
  }
  return open.length === 0 || isInString || /[,:]$/u.test(rest) ? undefined : text + open.reverse().join("")
}
