/**
 * The normaliser's rules of times and dates.
 *
 * @since 0.1.0
 */
import { anyOf, BOUNDARY as B } from "../CharacterClasses.ts"
import * as NumberWords from "../NumberWords.ts"
import { type NormaliseRule, type NormaliseTables, rule } from "./NormaliseRule.ts"

const isDay = (day: number) => day >= 1 && day <= 31

/**
 * A day of a month as words, with a year if there is one; `undefined` when there is no such day.
 *
 * @category conversions
 * @since 0.1.0
 */
export const dayOfMonth = (
  tables: NormaliseTables,
  month: number,
  day: number,
  year?: string
): string | undefined => {
  const name = [...tables.months.values()][month - 1]
  if (name === undefined || !isDay(day)) return undefined
  return `${name} ${NumberWords.ordinal(day)}${year === undefined ? "" : `, ${year}`}`
}

/** "9:05", "17:45", "9:30 am", "7:08:09". */
const time = rule(
  `${B}([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([AaPp])\\.?[Mm]\\.?(?![A-Za-z]))?(?![0-9])`,
  (match) => {
    const [all, hour, minute, second, half] = match
    const [h, m, s] = [Number(hour), Number(minute), Number(second ?? 0)]
    if (h > 24 || m > 59 || s > 59) return undefined
    let words = NumberWords.cardinal(h)
    if (m > 0) words += `${m < 10 ? " oh " : " "}${NumberWords.cardinal(m)}`
    else if (second === undefined && half === undefined) words += " o'clock"
    if (second !== undefined) words += ` and ${NumberWords.cardinal(s)} second${s === 1 ? "" : "s"}`
    if (half !== undefined) {
      words += ` ${half.toUpperCase()}.M${match.input[match.index + all.length] === "." ? "" : "."}`
    }
    return words
  }
)

/**
 * Times, "2023-01-05", "1/5/2023".
 *
 * @category constructors
 * @since 0.1.0
 */
export const numericRules = (tables: NormaliseTables): ReadonlyArray<NormaliseRule> => [
  time,
  rule(
    `${B}([0-9]{4})-([0-9]{2})-([0-9]{2})${B}`,
    ([, year, month, day]) => dayOfMonth(tables, Number(month), Number(day), year)
  ),
  rule(`${B}([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})${B}`, ([, first, second, year = ""]) => {
    const [a, b] = [Number(first), Number(second)]
    const full = year.length === 4 ? year : `${Number(year) > 30 ? 19 : 20}${year}`
    return a <= 12 ? dayOfMonth(tables, a, b, full) : dayOfMonth(tables, b, a, full)
  })
]

/**
 * "January 5", "5 January".
 *
 * @category constructors
 * @since 0.1.0
 */
export const namedRules = (tables: NormaliseTables): ReadonlyArray<NormaliseRule> => {
  const full = [...tables.months.values()]
  const month = anyOf([...full, ...full.map((name) => name.slice(0, 3)), "Sept"])
  const nameOf = (text: string) => tables.months.get(text.slice(0, 3).toLowerCase()) ?? text
  return [
    rule(
      `${B}(${month})\\.? ([0-9]{1,2})(?:st|nd|rd|th)?${B}(?![0-9:%])((?:,? [0-9]{4}${B})?)`,
      ([, name = "", day, year]) =>
        isDay(Number(day)) ? `${nameOf(name)} ${NumberWords.ordinal(Number(day))}${year}` : undefined
    ),
    rule(
      `${B}(?:the )?([0-9]{1,2}) (?:of )?(${month})${B}\\.?`,
      ([, day, name = ""]) =>
        isDay(Number(day)) ? `the ${NumberWords.ordinal(Number(day))} of ${nameOf(name)}` : undefined
    )
  ]
}
