/**
 * Has a model say a text as it stands.
 *
 * @since 0.1.0
 */

/**
 * The instruction to say a text word for word.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (text: string): string =>
  `Say exactly the following text, word for word, in its language, and nothing else:\n\n${text}`
