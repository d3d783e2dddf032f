/**
 * Dates and times. Pure.
 *
 * @since 0.1.0
 */
import type { NumberPlace, NumberRule, Reading } from "./NumberRule.ts"
import type { TextLanguage } from "./TextLanguage.ts"
import { sayCount, SPACE } from "./WrittenNumber.ts"

/** Before "5/11", these say that it is a day. */
const dayBefore = /(?:^|\s)(?:le|du|au|el|del|al|día|il|dal|dia|op|on|until)\s+$/iu

/** "29/11/26" is in this century up to 2069. */
const fullYear = (digits: string): number =>
  digits.length === 4 ? Number(digits) : Number(digits) + (Number(digits) < 70 ? 2000 : 1900)

const isDate = (day: number, month: number): boolean => day >= 1 && day <= 31 && month >= 1 && month <= 12

/**
 * Makes the pattern of the months of a language, long and short.
 *
 * @category constructors
 * @since 0.1.0
 */
export const monthPattern = (language: TextLanguage): string => {
  const { months, shortMonths } = language.dates
  const either = (name: string) => {
    const first = name.charAt(0)
    return first === first.toLowerCase() ? `[${first}${first.toUpperCase()}]${name.slice(1)}` : name
  }
  return `(?:(?:${months.map(either).join("|")})|(?:${shortMonths.map(either).join("|")})\\.?)(?![\\p{L}])`
}

const monthOf = (language: TextLanguage): (written: string) => number => {
  const patterns = language.dates.months.map((month, index) =>
    new RegExp(`^(?:${month}|${language.dates.shortMonths[index] ?? month})\\.?$`, "iu")
  )
  return (written) => patterns.findIndex((pattern) => pattern.test(written)) + 1
}

/**
 * Makes the rules for dates: in figures, with the name of the month, and ranges of days.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dateRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const { dates, format, numbers, words } = language
  const month = monthPattern(language)
  const indexOf = monthOf(language)
  const gender = "masculine"
  const mark = dates.dayMark
  // "3–5" and "3 to 5"
  const dash = `(?:${SPACE}?[–—-]${SPACE}?| ${words.to} )`
  const year = (digits: string | undefined) => digits === undefined ? undefined : numbers.year(fullYear(digits))
  const figures = (
    first: number,
    second: number,
    digits: string | undefined,
    { after, before }: NumberPlace
  ): Reading | undefined => {
    const dayFirst = format.dateOrder === "dmy" ? isDate(first, second) : !isDate(second, first)
    const [day, index] = dayFirst ? [first, second] : [second, first]
    if (!isDate(day, index)) return undefined
    return {
      said: dates.date(day, index, year(digits), { gender, before, after, dayFirst: format.dateOrder === "dmy" })
    }
  }
  const rules: Array<NumberRule> = [
    {
      pattern:
        "(\\d{4})([-/.])(\\d{1,2})\\2(\\d{1,2})(?:[T ](\\d{2}):(\\d{2})(?::\\d{2}(?:\\.\\d{1,9})?)?(?:Z|[+-]\\d{2}:\\d{2})?)?(?![\\d-]|[./]\\d)",
      read: ([, digits = "", , second = "", third = "", hours, minutes], { after, before }) => {
        const [index, day] = [Number(second), Number(third)]
        if (!isDate(day, index)) return undefined
        const said = dates.date(day, index, year(digits), {
          gender,
          before,
          after,
          dayFirst: format.dateOrder === "dmy"
        })
        return {
          said: hours === undefined || minutes === undefined
            ? said
            : `${said}, ${dates.time(Number(hours), Number(minutes))}`
        }
      }
    },
    {
      // "2026-11", "11/2026"
      pattern: "(?:(1[89]\\d{2}|20\\d{2})-(0[1-9]|1[0-2])|(0?[1-9]|1[0-2])/(1[89]\\d{2}|20\\d{2}))(?![\\d]|[./-]\\d)",
      read: ([, ...groups], { before }) => {
        const [digits = groups[3], index = groups[2]] = groups
        if (/[\d/]$/u.test(before)) return undefined
        return { said: `${dates.months[Number(index) - 1] ?? ""}${dates.ofYear}${year(digits) ?? ""}` }
      }
    },
    {
      pattern: "(\\d{1,2})([./-])(\\d{1,2})\\2(\\d{4}|\\d{2})(?![\\d]|[./-]\\d)",
      read: ([, first = "", separator, second = "", digits = ""], place) =>
        separator === "-" && digits.length === 2 ? undefined : figures(Number(first), Number(second), digits, place)
    },
    {
      pattern:
        `(\\d{1,2})${mark}(?:${dash}(\\d{1,2})${mark})?(?:${dates.monthJoin})(${month})(?:(?:${dates.yearJoin})(\\d{4})(?!\\d))?`,
      read: ([, first = "", second, name = "", digits], { after, before }) => {
        const index = indexOf(name)
        if (!isDate(Number(first), index)) return undefined
        const form = { gender, before, after, dayFirst: true } as const
        if (second === undefined) return { said: dates.date(Number(first), index, year(digits), form) }
        if (!isDate(Number(second), index)) return undefined
        return {
          said: `${dates.day(Number(first), form)} ${words.to} ${dates.date(Number(second), index, year(digits), form)}`
        }
      }
    }
  ]
  // "le 5/11", "on 11/29"
  rules.push({
    pattern: "(\\d{1,2})/(\\d{1,2})(?![\\d/]|[.,]\\d)",
    read: ([text, first = "", second = ""], place) =>
      !/^(?:9\/11|24\/7)$/u.test(text) && dayBefore.test(place.before)
        ? figures(Number(first), Number(second), undefined, place)
        : undefined
  })
  if (dates.dayDotMonth === true) {
    rules.push({
      pattern: "(\\d{1,2})\\. (\\d{1,2})\\. (\\d{4})(?![\\d])|(\\d{1,2})\\.(\\d{1,2})\\.(?: (\\d{4}))?(?![\\d])",
      read: ([, first, second, digits, ...others], place) => {
        const [day = first, index = second, year = digits] = others
        return figures(Number(day), Number(index), year, place)
      }
    })
  }
  if (dates.monthFirst) {
    rules.push({
      pattern:
        `(?<!\\p{L})(${month})${SPACE}(\\d{1,2})${mark}(?:${dash}(\\d{1,2})${mark})?(?!\\d|:\\d|[.,]\\d|${SPACE}?[ap]m)(?:(?:${dates.yearJoin})(\\d{4})(?!\\d))?`,
      read: ([, name = "", first = "", second, digits]) => {
        const index = indexOf(name)
        if (!isDate(Number(first), index)) return undefined
        if (second === undefined) return { said: dates.date(Number(first), index, year(digits)) }
        const days = `${dates.date(Number(first), index, undefined)} ${words.to} ${dates.day(Number(second))}`
        return { said: digits === undefined ? days : `${days}, ${year(digits) ?? ""}` }
      }
    })
  }
  return rules
}

/**
 * Makes the rules for times of day and durations: "17:30", "5:30 p.m.", "17h30", "17 Uhr", "1:23:45".
 *
 * @category constructors
 * @since 0.1.0
 */
export const timeRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const { format } = language
  const { hour, hourMark, minute, second, time, timeBefore, timeMark } = language.dates
  const duration = (hours: number, minutes: number, seconds: number): string =>
    ([[hours, hour], [minutes, minute], [seconds, second]] as const)
      .filter(([count]) => count > 0).map(([count, noun]) => sayCount(count, noun, language)).join(" ")
  const clock = (
    hours: string | undefined,
    minutes: string | undefined,
    mark: string | undefined
  ): Reading | undefined => Number(hours) > 24 ? undefined : { said: time(Number(hours), Number(minutes ?? 0), mark) }
  const rules: Array<NumberRule> = [
    {
      // "1h 30m", "5m 30s", "2h30"
      pattern: `(?:(\\d{1,3}) ?h ?(\\d{1,2}) ?m(?: ?(\\d{1,2}) ?s)?|(\\d{1,3}) ?m ?(\\d{1,2}) ?s${
        hourMark === undefined ? "|(\\d{1,2})h([0-5]\\d)" : ""
      })(?![\\p{L}\\d])`,
      read: ([, ...groups]) => {
        const [hours, minutes = groups[3] ?? groups[6], seconds = groups[4]] = groups
        return { said: duration(Number(hours ?? groups[5] ?? 0), Number(minutes), Number(seconds ?? 0)) }
      }
    },
    {
      pattern: `(\\d{1,3}):([0-5]\\d)(?::([0-5]\\d)(?:[.,]\\d{1,3})?)?(?:${SPACE}?(${timeMark}|h))?(?![\\d:]|\\p{L})`,
      read: ([, hours = "", minutes = "", seconds, mark], place) => {
        if (seconds !== undefined) {
          const said = duration(Number(hours), Number(minutes), Number(seconds))
          return said === "" ? undefined : { said }
        }
        // a ratio, "80:20"
        if (Number(hours) > 24 && Number(hours) + Number(minutes) === 100) return undefined
        if (Number(hours) > 24) return { said: duration(0, Number(hours), Number(minutes)) }
        const reading = clock(hours, minutes, mark)
        // the full stop of "a.m." is also that of the sentence
        return reading?.said.endsWith(".") && place.after.startsWith(".")
          ? { said: reading.said.slice(0, -1) }
          : reading
      }
    },
    {
      pattern: `(\\d{1,2})(?:\\.([0-5]\\d))?${SPACE}?(${timeMark}${
        format.group === "." ? "|(?<=\\d\\.\\d\\d ?)h" : ""
      })(?![\\p{L}\\d])`,
      read: ([, hours, minutes, mark], place) => {
        const reading = clock(hours, minutes, mark)
        return reading?.said.endsWith(".") && place.after.startsWith(".")
          ? { said: reading.said.slice(0, -1) }
          : reading
      }
    }
  ]
  if (timeBefore !== undefined) {
    rules.push({
      pattern: "(\\d{1,2})\\.([0-5]\\d)(?![\\d\\p{L}]|[.,]\\d)",
      read: ([, hours, minutes], { before }) => timeBefore.test(before) ? clock(hours, minutes, undefined) : undefined
    })
  }
  if (hourMark !== undefined) {
    rules.push({
      pattern:
        `(\\d{1,2})${SPACE}?(${hourMark})(?:${SPACE}?([0-5]\\d)(${SPACE}?(?:min|mn)(?!\\p{L}))?)?(?![\\p{L}\\d])`,
      read: ([, hours, mark, minutes, isDuration]) => {
        if (isDuration !== undefined) return { said: duration(Number(hours), Number(minutes), 0) }
        const reading = clock(hours, minutes, mark)
        return reading === undefined ? undefined : { ...reading, isQuantity: minutes === undefined }
      }
    })
  }
  return rules
}
