/**
 * The words for symbols in spoken text. Pure data.
 *
 * @since 0.1.0
 */

/**
 * The words for symbols, in one language.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenWords {
  readonly and: string
  readonly at: string
  readonly dot: string
  readonly slash: string
  readonly dash: string
  readonly underscore: string
  readonly plus: string
  readonly equals: string
  readonly times: string
  readonly port: string
  readonly percent: string
  readonly degrees: string
  readonly celsius: string
  readonly fahrenheit: string
  readonly about: string
  readonly number: string
  /** In a range: "3–5". */
  readonly to: string
  readonly lessThan: string
  readonly moreThan: string
  /** For "e.g." */
  readonly forExample: string
  /** For "i.e." */
  readonly thatIs: string
  /** For "vs." */
  readonly versus: string
}

/**
 * @category constants
 * @since 0.1.0
 */
export const english: SpokenWords = {
  and: "and",
  at: "at",
  dot: "dot",
  slash: "slash",
  dash: "dash",
  underscore: "underscore",
  plus: "plus",
  equals: "equals",
  times: "times",
  port: "port",
  percent: "percent",
  degrees: "degrees",
  celsius: "Celsius",
  fahrenheit: "Fahrenheit",
  about: "about",
  number: "number",
  to: "to",
  lessThan: "less than",
  moreThan: "more than",
  forExample: "for example",
  thatIs: "that is",
  versus: "versus"
}
