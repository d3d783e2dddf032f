/**
 * Converts an agent's text into text that can be spoken.
 *
 * The text goes through `spoken`, then through the application's own transforms, then to `SentenceTokenizer`. Pure and
 * incremental.
 *
 * @since 0.1.0
 */
import { withPlainTextPath } from "./PlainTextPath.ts"
import { tidy, withoutEmoji } from "./SpokenCleanup.ts"
import { markdown, type MarkdownOptions } from "./SpokenMarkdown.ts"
import { symbols } from "./SpokenSymbols.ts"
import { compose, type TextTransform } from "./TextTransform.ts"

/**
 * - `code`: what is spoken for a fenced code block; `""` for nothing. `"(code omitted)"`.
 * - `words`: the words for symbols, for a language other than English.
 *
 * @category models
 * @since 0.1.0
 */
export type SpokenOptions = MarkdownOptions

/**
 * Makes the transform for the output of language models: Markdown, emoji, symbols, addresses. It holds back one word, and at
 * most 200 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spoken = (options: SpokenOptions = {}): TextTransform => withPlainTextPath(spokenByFullPath(options))

/**
 * Makes the same transform without the fast path for plain text; its output is equal to that of `spoken`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spokenByFullPath = (options: SpokenOptions = {}): TextTransform =>
  compose([markdown(options), withoutEmoji, symbols(options), tidy])

/**
 * Applies a transform to a whole text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const transform = (transform: TextTransform, text: string): string => {
  const transformer = transform()
  return transformer.push(text) + transformer.flush()
}
