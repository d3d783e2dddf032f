/**
 * The keys of a telephone.
 *
 * @since 0.1.0
 */

/**
 * Tells whether a text is one key of a telephone: `0` to `9`, `*`, `#`, or one of the rare `A` to `D`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isKey = (text: string): boolean => /^[0-9A-D*#]$/.test(text)
