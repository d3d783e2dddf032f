/**
 * Limits and results of scanning a text that is still being streamed.
 *
 * @since 0.1.0
 */

/**
 * How far the end of a piece of markup is searched, in characters; a longer word is read in parts.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_LOOKAHEAD = 96

/**
 * Undecided: more text is needed.
 *
 * @category constants
 * @since 0.1.0
 */
export const MORE = -1

/**
 * The markup is not there.
 *
 * @category constants
 * @since 0.1.0
 */
export const NONE = 0
