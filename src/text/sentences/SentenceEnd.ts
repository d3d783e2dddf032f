/**
 * Finds the ends of sentences. Pure.
 *
 * @since 0.1.0
 */
import type { TextLanguage } from "../language/TextLanguage.ts"
import { fullStop } from "./AbbreviationEnd.ts"

const segmenters = new Map<string, Intl.Segmenter>()

const segmenterOf = (tag: string): Intl.Segmenter => {
  const made = segmenters.get(tag) ?? new Intl.Segmenter(tag, { granularity: "sentence" })
  segmenters.set(tag, made)
  return made
}

const decided = /[\p{L}\n]/u

/** Characters for which only the segmenter can find the end of the sentence. */
const needsSegmenter = /[^A-Za-z\u00C0-\u017F\d ,.!?'’"%()$€-]|[.!?](?! [A-Za-z]| ?$)/u
const stop = /[.!?] /gu
const lowerCase = /[a-z]/u

/**
 * Returns the end of the first sentence of plain text: 0 while the sentence may continue, `undefined` if only the segmenter,
 * which is much slower, can tell.
 *
 * @category accessors
 * @since 0.1.0
 */
export const plainSentenceEnd = (text: string, language?: TextLanguage): number | undefined => {
  // the text is complete
  const whole = text.endsWith("\n\n")
  if (text === "\n") return 1
  if (needsSegmenter.test(whole ? text.slice(0, -2) : text)) return undefined
  stop.lastIndex = 0
  for (let match = stop.exec(text); match !== null; match = stop.exec(text)) {
    const end = match.index + 2
    if (end === text.length || (whole && end === text.length - 2)) break
    if (match[0] === ". ") {
      if (lowerCase.test(text.charAt(end))) continue
      const what = fullStop(text, match.index, language)
      if (what === "wait") return 0
      if (what === "continues") continue
    }
    return end
  }
  return whole && !endsOpen(text, language) ? text.length - 1 : 0
}

/** Whether a complete text ends with an abbreviation that ends no sentence. */
const endsOpen = (text: string, language: TextLanguage | undefined): boolean => {
  const trimmed = text.trimEnd()
  return trimmed.endsWith(".") && fullStop(`${trimmed} `, trimmed.length - 1, language) === "continues"
}

/** The beginning of an address within which a mark stands: `https://example.com/?q=1`. */
const address = /(?:^|\s)[("'<[]*(?:\p{L}+:\/\/|www\.)\S*$/iu

/** What closes a quotation, with a space before it. */
const spacedCloser = /^»(?=[\s.,;:!?…])[.,;:!?…]*\s*/u
const opener = /[「『（《【〈(¿¡]+$/u
/** A mark within a quotation, after which the sentence goes on with a small letter: "“Go!” she said". */
const quotedEnd = /[.!?…]\s?["”’'»“«]$/u

/**
 * Returns the end of the first sentence by the segmenter; 0 while the sentence may continue.
 *
 * @category accessors
 * @since 0.1.0
 */
export const segmenterSentenceEnd = (text: string, language?: TextLanguage): number => {
  let end = 0
  for (const { index, segment } of segmenterOf(language?.tag ?? "en").segment(text)) {
    const isLine = /\n\s*$/u.test(segment)
    // the last segment may continue
    if (index + segment.length === text.length && !isLine) break
    end = index + segment.length
    // "a != b"
    if (/[!?]$/u.test(segment) && text.charAt(end) === "=") {
      end = 0
      continue
    }
    // whether a full stop ends the sentence depends on the next word
    if (!decided.test(text.slice(end)) && !isLine) {
      end = 0
      break
    }
    if (!isLine && address.test(text.slice(0, end))) {
      end = 0
      continue
    }
    // "« Bonjour ! » dit-il"
    end += spacedCloser.exec(text.slice(end, end + 8))?.[0].length ?? 0
    // "再见？「好」": what opens belongs to what follows
    end -= opener.exec(text.slice(Math.max(1, end - 8), end))?.[0].length ?? 0
    const written = text.slice(0, end).trimEnd()
    if (!isLine && quotedEnd.test(written) && /^\p{Ll}/u.test(text.slice(end))) {
      end = 0
      continue
    }
    if (!written.endsWith(".")) break
    const what = fullStop(text, written.length - 1, language)
    if (what === "ends") break
    end = 0
    if (what === "wait") break
  }
  return end
}
