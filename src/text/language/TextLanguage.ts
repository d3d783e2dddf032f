/**
 * What text for the ear needs to know about a language. The contract; the languages are in files of their own.
 *
 * @since 0.1.0
 */

/**
 * The gender of a noun, with which a number agrees: "una libra", "eine Million", "zwei", "duas".
 *
 * @category models
 * @since 0.1.0
 */
export type Gender = "masculine" | "feminine" | "neuter"

/**
 * A noun that is counted.
 *
 * - `one`, `many`: its singular and plural.
 * - `gender`: masculine where the language has no gender; undefined where the number keeps its own form: "uno por ciento".
 *
 * @category models
 * @since 0.1.0
 */
export interface CountedNoun {
  readonly one: string
  readonly many: string
  readonly gender: Gender | undefined
}

/**
 * The words for signs and symbols, in one language.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpokenWords {
  readonly and: string
  /** "@" in an address. */
  readonly at: string
  /** "." in an address or a version. */
  readonly dot: string
  readonly slash: string
  readonly backslash: string
  /** "-" in an address. */
  readonly dash: string
  readonly underscore: string
  readonly colon: string
  readonly plus: string
  readonly minus: string
  readonly plusOrMinus: string
  readonly times: string
  /** "5x faster". */
  readonly timesAsMuch: string
  /** "3 × 4 m". */
  readonly by: string
  /** "3:1". */
  readonly ratio: string
  /** "120/80". */
  readonly over: string
  /** "10/10" as a score. */
  readonly outOf: string
  readonly dividedBy: string
  readonly equals: string
  readonly notEqual: string
  readonly approximatelyEqual: string
  readonly lessThan: string
  readonly moreThan: string
  readonly atMost: string
  readonly atLeast: string
  readonly percent: string
  readonly perMille: string
  readonly degrees: string
  readonly celsius: string
  readonly fahrenheit: string
  /** "~5". */
  readonly about: string
  /** "No. 5", "№ 5", "#5". */
  readonly number: string
  /** In a range: "3–5". */
  readonly to: string
  /** "km/h", "€5/month". */
  readonly per: string
  readonly squared: string
  readonly cubed: string
  /** "5^3". */
  readonly toThePowerOf: string
  readonly root: string
  readonly infinity: string
  readonly sum: string
  readonly pi: string
  readonly ohm: string
  /** The prefix "µ". */
  readonly micro: string
  /** "§". */
  readonly paragraph: string
  /** "#" in "C#". */
  readonly hash: string
  /** "#" on the keypad of a telephone. */
  readonly hashKey: string
  /** "*" on the keypad of a telephone. */
  readonly starKey: string
  readonly copyright: string
  readonly registered: string
  readonly trademark: string
  readonly tilde: string
  readonly caret: string
  readonly pipe: string
  /** "→", "->". */
  readonly arrow: string
  /** "∈". */
  readonly elementOf: string
  /** "∉". */
  readonly notElementOf: string
  readonly minutes: string
  readonly seconds: string
  /** ":8080" in an address. */
  readonly port: string
  /** "ext. 42" after a telephone number. */
  readonly extension: string
  /** For "e.g." */
  readonly forExample: string
  /** For "i.e." */
  readonly thatIs: string
  /** For "vs." */
  readonly versus: string
  /** In the place of a fenced block of code. */
  readonly codeOmitted: string
}

/**
 * A currency.
 *
 * - `major`, `minor`: the unit and its hundredth; without `minor` a fraction is read as a decimal.
 *
 * @category models
 * @since 0.1.0
 */
export interface Currency {
  readonly major: CountedNoun
  readonly minor?: CountedNoun
}

/**
 * The form of an ordinal.
 *
 * - `gender`: of the noun that it stands before.
 * - `before`: the text before it in the sentence, on which German's endings depend.
 * - `after`: the text after it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OrdinalForm {
  readonly gender?: Gender
  readonly before?: string
  readonly after?: string
}

/**
 * A large number that is written as a word: "5 million", "3 Mrd."
 *
 * - `written`: how it is written, without a final full stop, in lower case; as a regular expression.
 * - `exponent`: 3, 6, 9 or 12.
 * - `attached`: only right after the digits, and in this case: "50k".
 * - `money`: only in an amount of money: "$3m".
 *
 * @category models
 * @since 0.1.0
 */
export interface Scale {
  readonly written: string
  readonly exponent: number
  readonly noun: CountedNoun
  readonly attached?: boolean
  readonly money?: boolean
}

/**
 * How numbers are written.
 *
 * - `group`: the mark between groups of three digits; thin spaces and apostrophes are understood too.
 * - `decimal`: the decimal mark.
 * - `spaceGroups`: whether an ordinary space separates groups: "1 234".
 * - `dateOrder`: the order of a date in figures.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberFormat {
  readonly group: "." | ","
  readonly decimal: "." | ","
  readonly spaceGroups: boolean
  readonly dateOrder: "dmy" | "mdy"
}

/**
 * How numbers are said. Every function takes whole numbers from 0 to 10^15 - 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberWords {
  /** The number: on its own ("eins", "uno"), or before a noun of a gender ("eine", "un"). */
  readonly cardinal: (value: number, gender?: Gender) => string
  readonly ordinal: (value: number, form?: OrdinalForm) => string
  /** The number as a year of four digits. */
  readonly year: (value: number) => string
  /** The decade that begins with this year, of two or four digits: "nineties"; left out where that is no word of its own. */
  readonly decade?: (value: number) => string
  /** What follows the digits of a decade: "s", "er"; a regular expression. */
  readonly decadeMark?: string
  /** "three quarters". The denominator is from 2 to 100. */
  readonly fraction: (numerator: number, denominator: number) => string
  /** "two and a half": a whole number and what `fraction` made. */
  readonly withFraction: (whole: string, fraction: string, gender?: Gender) => string
  /** A digit of a code. */
  readonly digits: ReadonlyArray<string>
  /** Between the whole part and the decimals. */
  readonly decimalPoint: string
  /** Whether two or three decimals are read as one number: "trois virgule quatorze". */
  readonly decimalsAsNumber: boolean
  /** The digits of a group of a telephone number, where they are read as numbers: "zéro un, vingt-trois". */
  readonly phoneGroup?: (digits: string) => string
  /** Other telephone numbers of this region, as a regular expression; those with "+", "(" or a zero at the start are known. */
  readonly phones: string
  /** What follows the digits of an ordinal, as regular expressions, and the gender that it shows. */
  readonly ordinalMarks: ReadonlyArray<readonly [pattern: string, gender: Gender]>
  /** Whether a number from 1000 to 2099 between these texts is a year, where that is said in another way. */
  readonly isYear: (value: number, before: string, after: string) => boolean
  /** The letters after a number that are one word with it: "2fach". */
  readonly compound?: RegExp
  /** Joins a number and its noun where more than a space belongs between them: "un'ora". */
  readonly elide?: (said: string) => string
  /** Whether the number of this value takes the plural of its noun. */
  readonly isPlural: (value: number) => boolean
  /** The gender of the noun that begins the text after a number; `undefined` when no noun follows. */
  readonly genderOf: (after: string) => Gender | undefined
}

/**
 * The form of a date.
 *
 * - `dayFirst`: whether the day was written before the month.
 *
 * @category models
 * @since 0.1.0
 */
export interface DateForm extends OrdinalForm {
  readonly dayFirst?: boolean
}

/**
 * How dates and times are written and said. Patterns are regular expressions.
 *
 * - `months`: with a capital only where the language writes one.
 * - `shortMonths`: a pattern per month, without a full stop.
 * - `dayMark`: what follows the figure of the day: "th", ".", "er".
 * - `monthJoin`, `yearJoin`: what stands between day and month, month and year.
 * - `ofYear`: what is said between month and year: "noviembre de dos mil".
 * - `monthFirst`: whether the month may come first: "October 3".
 * - `dayDotMonth`: whether "29.11." is a date.
 * - `timeBefore`: the text before "17.30", if that is a time.
 * - `hourBefore`: the text before a number that is an hour, a feminine noun: "a la 1".
 * - `timeMark`: what follows a time: "p.m.", "Uhr". `hourMark`: what stands between hours and minutes as well: "17h30".
 * - `date`: a day, a month from 1 to 12, and a year that is said already.
 * - `time`: hours from 0 to 24 and minutes, with the mark after them.
 *
 * @category models
 * @since 0.1.0
 */
export interface DateWords {
  readonly months: ReadonlyArray<string>
  readonly shortMonths: ReadonlyArray<string>
  readonly dayMark: string
  readonly monthJoin: string
  readonly yearJoin: string
  readonly ofYear: string
  readonly monthFirst: boolean
  readonly dayDotMonth?: boolean
  readonly timeBefore?: RegExp
  readonly hourBefore?: RegExp
  readonly timeMark: string
  readonly hourMark?: string
  readonly day: (day: number, form?: DateForm) => string
  readonly date: (day: number, month: number, year: string | undefined, form?: DateForm) => string
  readonly time: (hours: number, minutes: number, mark?: string) => string
  readonly hour: CountedNoun
  readonly minute: CountedNoun
  readonly second: CountedNoun
}

/**
 * A language.
 *
 * - `tag`: as in BCP 47.
 * - `abbreviations`: without their last full stop; they do not end a sentence.
 * - `finalAbbreviations`: likewise, but they end one where the next word has a capital: "etc", "p.m".
 * - `expansions`: abbreviations as they are written, and what is said.
 * - `numbered`: the same, for those that are abbreviations only before a number: "p. 5", "No. 5".
 * - `currencies`: by their code of ISO 4217; "kr" and "cent" are entries too.
 * - `currencySigns`: what a sign stands for in this region, where that is special.
 * - `units`: by their symbol.
 * - `ofMillions`: joins a number of whole millions with its noun: "deux millions d'euros".
 * - `joinMoney`: joins the amount of money and its cents.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextLanguage {
  readonly tag: string
  readonly words: SpokenWords
  readonly abbreviations: ReadonlyArray<string>
  readonly finalAbbreviations: ReadonlyArray<string>
  readonly expansions: ReadonlyArray<readonly [written: string, said: string]>
  readonly numbered: ReadonlyArray<readonly [written: string, said: string]>
  readonly format: NumberFormat
  readonly numbers: NumberWords
  readonly scales: ReadonlyArray<Scale>
  readonly dates: DateWords
  readonly currencies: Readonly<Record<string, Currency>>
  readonly currencySigns: Readonly<Record<string, string>>
  readonly units: Readonly<Record<string, CountedNoun>>
  readonly ofMillions: (noun: string) => string
  readonly joinMoney: string
}
