/**
 * Estimates how many tokens a prompt has, rather too many than too few. Pure.
 *
 * Only the model's own tokenizer knows the number, and a server with `/v1/chat/completions` does not offer it. Counted are,
 * for each run of ASCII letters, a third of a token for a letter, rounded up; for a digit or a sign one token; for Latin,
 * Greek and Cyrillic letters beyond ASCII one; for other letters of two bytes in UTF-8 two; for East Asian characters two;
 * for others of three bytes three, and four for those of four. A tokenizer that works on bytes never needs more than one
 * token for a byte. How many more tokens other scripts need than English: Petrov, La Malfa, Torr, Bibi, "Language Model
 * Tokenizers Introduce Unfairness Between Languages", 2023 (arXiv:2305.15425), table 1.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"

/** Tokens around a message: its role, and the marks of the chat template. */
const MESSAGE = 8
/** Tokens around a tool call or its result. */
const CALL = 16
/** Letters of ASCII in one token. */
const LETTERS = 3

const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

const isEastAsian = (code: number): boolean =>
  (code >= 0x2e80 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
  (code >= 0xff00 && code <= 0xffef)

/** The tokens of a UTF-16 unit that is no ASCII letter. */
const ofUnit = (code: number): number => {
  // one space belongs to the word behind it
  if (code < 0x80) return code === 32 ? 0.25 : 1
  if (code < 0x530) return 1
  if (code < 0x800) return 2
  // each half of a surrogate pair
  if (code >= 0xd800 && code <= 0xdfff) return 2
  return isEastAsian(code) ? 2 : 3
}

/**
 * Estimates the tokens of a text.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ofText = (text: string): number => {
  let tokens = 0
  let letters = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isLetter(code)) {
      letters++
      continue
    }
    if (letters > 0) tokens += Math.ceil(letters / LETTERS)
    letters = 0
    tokens += ofUnit(code)
  }
  return Math.ceil(tokens + Math.ceil(letters / LETTERS))
}

/**
 * Estimates the tokens of a value that a prompt has as JSON.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ofJson = (value: unknown): number =>
  ofText(typeof value === "string" ? value : JSON.stringify(value) ?? "null")

const ofPart = (part: Prompt.PartEncoded): number => {
  switch (part.type) {
    case "text":
    case "reasoning":
      return ofText(part.text)
    case "tool-call":
      return CALL + ofText(part.name) + ofJson(part.params)
    case "tool-result":
      return CALL + ofText(part.name) + ofJson(part.result)
    default:
      return CALL
  }
}

/**
 * Estimates the tokens of messages.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ofMessages = (messages: ReadonlyArray<Prompt.MessageEncoded>): number =>
  messages.reduce(
    (sum, { content }) =>
      sum + MESSAGE +
      (typeof content === "string" ? ofText(content) : content.reduce((parts, part) => parts + ofPart(part), 0)),
    0
  )

/**
 * The beginning and the end of a text, with a mark for what is left out between them; the text itself if it has at most so
 * many tokens.
 *
 * @category conversions
 * @since 0.1.0
 */
export const shorten = (text: string, tokens: number, mark: string): string => {
  const whole = ofText(text)
  if (whole <= tokens) return text
  // the estimate of a part may be more than its share of the characters
  for (let length = Math.floor(text.length * tokens / whole); length > 16; length = Math.floor(length * 0.8)) {
    const shorter = ends(text, length, mark)
    if (ofText(shorter) <= tokens) return shorter
  }
  return mark
}

const ends = (text: string, length: number, mark: string): string => {
  let head = Math.ceil(length / 2)
  let tail = text.length - Math.floor(length / 2)
  // no half of a surrogate pair
  if (/[\uD800-\uDBFF]/u.test(text.charAt(head - 1))) head--
  if (/[\uDC00-\uDFFF]/u.test(text.charAt(tail))) tail++
  return `${text.slice(0, head)} ${mark} ${text.slice(tail)}`
}
