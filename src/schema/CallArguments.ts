/**
 * Reads the arguments of a tool call as models write them.
 *
 * @since 0.1.0
 */
import * as Json from "./Json.ts"
import * as WrittenJson from "./WrittenJson.ts"

/** Places at which arguments may begin again. */
const MAX_STARTS = 32
/** Words for nothing, in other notations than JSON. */
const nothing = /^(?:none|nil|undefined|nan)$/iu

/** Arguments that were broken off and then told from the beginning: without the first part. */
const withoutFirst = (text: string): string => {
  let at = text.indexOf("{", 1)
  for (let tries = 0; at > 0 && tries < MAX_STARTS; tries++) {
    if (text.startsWith(text.slice(0, at), at)) return text.slice(at)
    at = text.indexOf("{", at + 1)
  }
  return ""
}

/**
 * Parses arguments that came as text. Empty ones and `null` are `{}`; text that was encoded twice is decoded twice.
 * Malformed ones stay text, so that the tool's schema rejects them and the model gets that error.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): unknown => {
  const trimmed = text.trim()
  if (trimmed === "" || nothing.test(trimmed)) return {}
  const whole = WrittenJson.parse(trimmed)
  const value = whole === undefined ? WrittenJson.parse(withoutFirst(trimmed)) : whole
  if (value === undefined) return text
  if (value === null || value === "") return {}
  if (Array.isArray(value)) {
    return value.length === 0
      ? {}
      : value.length === 1 && Json.isRecord(value[0])
      ? value[0]
      : value
  }
  // encoded twice
  const inner = typeof value === "string" ? WrittenJson.parse(value) : undefined
  return Json.isRecord(inner) ? inner : inner === null ? {} : value
}

/**
 * Reads arguments of any shape: text, a value that is decoded already, or nothing.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (value: unknown): unknown => typeof value === "string" ? parse(value) : value ?? {}
