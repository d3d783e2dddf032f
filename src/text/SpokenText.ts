/**
 * Text for the ear: from what an agent writes to what is spoken.
 *
 * Agent text goes through `spoken`, then through the user's own transforms, then to `Sentences`. Pure and incremental.
 *
 * @since 0.1.0
 */
import { plainFirst } from "./PlainText.ts"
import { tidy, withoutPictures } from "./SpokenCleanup.ts"
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
export const spoken = (options: SpokenOptions = {}): TextTransform => plainFirst(spokenInFull(options))

/**
 * The same, all of it the long way: what `spoken` must equal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spokenInFull = (options: SpokenOptions = {}): TextTransform =>
  compose([markdown(options), withoutPictures, symbols(options), tidy])

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
