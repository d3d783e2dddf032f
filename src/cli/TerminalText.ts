/**
 * Makes text of others safe to print: a transcript, a vendor's words or a file name can move no cursor, set no clipboard,
 * turn no line around, and begin no line of its own.
 *
 * Pure. Nothing reaches a terminal but through here (`Output`).
 *
 * @since 0.1.0
 */

/**
 * The controls of ASCII and Latin-1, line and paragraph separators, marks and overrides of direction, invisible operators,
 * tags, the byte order mark, and halves of characters. The joiners that emoji and some scripts are written with stay.
 */
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu

const codeOf = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/**
 * One line of text with every unsafe character as its code: `\u{1b}`. A line break is one of them.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escapeLine = (text: string): string => text.replace(unsafe, codeOf)

/**
 * JSON with every unsafe character as an escape of JSON, so that it is read as the same value. Line breaks between its
 * values stay.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escapeJson = (json: string): string =>
  json.replace(unsafe, (character) =>
    character === "\n"
      ? character
      : Array.from(
        { length: character.length },
        (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`
      ).join(""))

/** Colours and weights, and the end of a line. */
const style = /(\u001b\[[\d;]*m|\n)/

/**
 * Lines of our own that have colours and may quote what somebody has typed: all but colours and line breaks is escaped.
 *
 * @category formatting
 * @since 0.1.0
 */
export const escapeStyled = (text: string): string =>
  text.split(style).map((part, i) => i % 2 === 1 ? part : escapeLine(part)).join("")
