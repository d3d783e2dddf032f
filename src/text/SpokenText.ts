/**
 * Text for the ear: from what an agent writes to what is spoken.
 *
 * Agent text goes through `spoken`, then through the user's own transforms, then to `Sentences`. Pure and incremental.
 *
 * @since 0.1.0
 */
import { withPlainTextPath } from "./PlainTextPath.ts"
import { tidy, withoutEmoji } from "./SpokenCleanup.ts"
import { markdown, type MarkdownOptions } from "./SpokenMarkdown.ts"
import { symbols } from "./SpokenSymbols.ts"
import { compose, type TextTransform } from "./TextTransform.ts"

/**
 * - `code`: what is said for a fenced block of code; `""` for nothing. `"(code omitted)"`.
 * - `words`: what is said for signs, for a language other than English.
 *
 * @category models
 * @since 0.1.0
 */
export type SpokenOptions = MarkdownOptions

/**
 * The transform for what language models write: Markdown, emoji, signs, addresses. Holds back a word, and never more
 * than 200 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spoken = (options: SpokenOptions = {}): TextTransform => withPlainTextPath(spokenByFullPath(options))

/**
 * The same, all of it the long way: what `spoken` must equal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spokenByFullPath = (options: SpokenOptions = {}): TextTransform =>
  compose([markdown(options), withoutEmoji, symbols(options), tidy])

/**
 * A whole text at once.
 *
 * @category conversions
 * @since 0.1.0
 */
export const transform = (transform: TextTransform, text: string): string => {
  const transformer = transform()
  return transformer.push(text) + transformer.flush()
}
