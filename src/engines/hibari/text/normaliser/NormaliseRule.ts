/**
 * What the rules of the normaliser are made of.
 *
 * @since 0.1.0
 */

/**
 * The tables of the normaliser. Keys are as they are written.
 *
 * - `months`: by their first three letters in lower case, in order of the year.
 * - `abbreviations`: with their full stop.
 * - `units`, `currency`: singular and plural.
 * - `symbols`: in the order in which they are replaced.
 * - `romanCardinal`, `romanOrdinal`: what a Roman numeral follows.
 *
 * @category models
 * @since 0.1.0
 */
export interface NormaliseTables {
  readonly months: ReadonlyMap<string, string>
  readonly titles: ReadonlyMap<string, string>
  readonly abbreviations: ReadonlyMap<string, string>
  readonly units: ReadonlyMap<string, readonly [singular: string, plural: string]>
  readonly symbols: ReadonlyMap<string, string>
  readonly currency: ReadonlyMap<string, readonly [singular: string, plural: string]>
  readonly romanCardinal: ReadonlyArray<string>
  readonly romanOrdinal: ReadonlyArray<string>
}

/**
 * Replaces every match of a pattern in a line; a match for which `by` gives `undefined` stays as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface NormaliseRule {
  readonly pattern: RegExp
  readonly by: (match: RegExpExecArray) => string | undefined
}

/**
 * A number in a pattern: digits, groups of three after commas, decimal places.
 *
 * @category constants
 * @since 0.1.0
 */
export const NUM = "[0-9]+(?:,[0-9]{3})*(?:\\.[0-9]+)?"

/**
 * A rule; the pattern is matched everywhere, by code point.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rule = (pattern: string, by: NormaliseRule["by"]): NormaliseRule => ({
  pattern: new RegExp(pattern, "gu"),
  by
})
