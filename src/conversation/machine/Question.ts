/**
 * Recognises a text that ends with a question. Pure.
 *
 * @since 0.1.0
 */

/** Markup and stage directions behind the last word: `<break time="1s"/>`, `[laughs]`. */
const TAGS = /<[^<>]*>|\[[^[\]]*\]/gu

/** The last letter or digit, and what follows it. */
const LAST_WORD = /([\p{L}\p{M}\p{N}])([^\p{L}\p{M}\p{N}]*)$/u

/** The question marks of Latin, full-width, Arabic, Ethiopic and Armenian writing, and their combinations. */
const QUESTION_MARK = /[?？؟⁇⁈⁉‽፧՞]/u

/** Japanese asks by a particle at the end of the sentence, with or without a mark. */
const JAPANESE_QUESTION = /か[。．.」』”"）)\s]*$/u

/**
 * Whether the last sentence of a text is a question: a question mark follows its last word, also before closing quotes,
 * brackets and tags. In Greek that is the sign `;`, in Japanese also か at the end.
 *
 * @category predicates
 * @since 0.1.0
 */
export const endsWithQuestion = (text: string): boolean => {
  const plain = text.replace(TAGS, " ").trimEnd()
  const [, letter, marks] = LAST_WORD.exec(plain) ?? []
  if (letter === undefined || marks === undefined) return false
  if (QUESTION_MARK.test(marks) || JAPANESE_QUESTION.test(plain)) return true
  return /\p{Script=Greek}/u.test(letter) && /[;\u037e]/u.test(marks)
}
