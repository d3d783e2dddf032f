/**
 * Estimates how many tokens a prompt has, rather too many than too few. Pure.
 *
 * Only the model's own tokenizer knows the number, and a server with `/v1/chat/completions` does not offer it. A run of ASCII
 * letters counts two fifths of a token for a letter, rounded up; any other sign of ASCII one; a character of another script what
 * those tokenizers need that know it least, at most its bytes in UTF-8. In a request of a caller in 20 languages, in JSON and a
 * URL, this is 1.0 to 2.1 times what the worst of OpenAI's `cl100k_base` and `o200k_base` and of Llama 2's tokenizer counts
 * (`test/agent/TokenEstimate.test.ts`). How far scripts differ: Petrov, La Malfa, Torr, Bibi, "Language Model Tokenizers
 * Introduce Unfairness Between Languages", 2023 (arXiv:2305.15425).
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"

/** Tokens around a message: its role, and the marks of the chat template. */
const MESSAGE = 8
/** Tokens around a tool call or its result. */
const CALL = 16
/** Letters of ASCII in one token. */
const LETTERS = 2.5

const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** UTF-16 units up to a code, and the tokens of each. Beyond ASCII. */
const scripts: ReadonlyArray<readonly [to: number, tokens: number]> = [
  [0x36f, 1], // Latin
  [0x3ff, 1.25], // Greek
  [0x52f, 1], // Cyrillic
  [0x7ff, 2], // Armenian, Hebrew, Arabic and others of two bytes
  [0x8ff, 3],
  [0x97f, 2], // Devanagari
  [0xdff, 3],
  [0xe7f, 1.5], // Thai
  [0x1dff, 3],
  [0x1fff, 1.5], // Latin and Greek with more marks
  [0x2e7f, 3],
  [0x9fff, 2], // Chinese and Japanese
  [0xabff, 3],
  [0xd7a3, 2], // Korean
  [0xd7ff, 3],
  [0xdfff, 2], // each half of a character of four bytes
  [0xf8ff, 3],
  [0xfaff, 2],
  [0xfeff, 3],
  [0xffef, 2], // wide forms
  [0xffff, 3]
]

/** One space belongs to the word behind it, where the tokenizer knows the word. */
const ofSpace = (next: number): number => next > 0x7f ? 1.25 : 0.25

/** The tokens of a UTF-16 unit that is no ASCII letter; `next` is the one behind it. */
const ofUnit = (code: number, next: number): number => {
  if (code < 0x80) return code === 32 ? ofSpace(next) : 1
  for (const [to, tokens] of scripts) if (code <= to) return tokens
  return 3
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
    tokens += ofUnit(code, text.charCodeAt(at + 1))
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
