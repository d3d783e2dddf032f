/**
 * The contract of a rule that reads one kind of number in a text.
 *
 * @since 0.1.0
 */

/**
 * Where a rule's pattern matched.
 *
 * - `before`, `after`: at most 48 characters of the text around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberPlace {
  readonly before: string
  readonly after: string
}

/**
 * What was read.
 *
 * - `said`: the words.
 * - `length`: how much of the match was read, if not all.
 * - `value`: of a plain number, so that a range can be told from a difference.
 * - `isYear`: that number was said as a year.
 * - `isQuantity`: it has a unit, so that "/" after it means "per".
 * - `isFinal`: nothing is joined to it by a dash or a sign.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly said: string
  readonly length?: number
  readonly value?: number
  readonly isYear?: boolean
  readonly isQuantity?: boolean
  readonly isFinal?: boolean
}

/**
 * A rule: a pattern, as a regular expression, and how a match is said; `undefined` if it is something else.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberRule {
  readonly pattern: string
  readonly read: (match: RegExpExecArray, place: NumberPlace) => Reading | undefined
}
