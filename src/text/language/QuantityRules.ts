/**
 * Numbers that say how much or which: with units, ordinals, decades, fractions, powers, ratios, and plain numbers. Pure.
 *
 * @since 0.1.0
 */
import { isCodeContext } from "./CodeRules.ts"
import { sayScaled, scaleOf, scalePattern } from "./MoneyRules.ts"
import type { NumberRule, Reading } from "./NumberRule.ts"
import type { TextLanguage } from "./TextLanguage.ts"
import {
  numberPattern,
  parseNumber,
  PER,
  sayCount,
  sayCounted,
  sayDigitGroups,
  sayDigits,
  sayNumber,
  sayPer,
  SPACE,
  valueOf
} from "./WrittenNumber.ts"

const vulgar: Readonly<Record<string, readonly [number, number]>> = {
  "½": [1, 2],
  "⅓": [1, 3],
  "⅔": [2, 3],
  "¼": [1, 4],
  "¾": [3, 4],
  "⅕": [1, 5],
  "⅖": [2, 5],
  "⅗": [3, 5],
  "⅘": [4, 5],
  "⅙": [1, 6],
  "⅚": [5, 6],
  "⅐": [1, 7],
  "⅛": [1, 8],
  "⅜": [3, 8],
  "⅝": [5, 8],
  "⅞": [7, 8],
  "⅑": [1, 9],
  "⅒": [1, 10]
}

/**
 * The characters that are fractions of their own.
 *
 * @category constants
 * @since 0.1.0
 */
export const VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"

/** Denominators with which "3/4" is a fraction and no date, score or "24/7". */
const denominators = new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 32, 64, 100])

/**
 * The digits above the line, in the order of their values.
 *
 * @category constants
 * @since 0.1.0
 */
export const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"

const escape = (text: string): string => text.replace(/[.$*+?^()[\]{}|\\/]/gu, "\\$&")

const signed = (sign: string | undefined, language: TextLanguage): string => {
  const { minus, plus, plusOrMinus } = language.words
  return sign === undefined || sign === ""
    ? ""
    : `${sign === "+" ? plus : sign === "±" || sign.length > 1 ? plusOrMinus : minus} `
}

const unitPattern = (language: TextLanguage): string => {
  const symbols = Object.keys(language.units).sort((a, b) => b.length - a.length)
  return `(?:${symbols.map((symbol) => escape(symbol).replace(/^°(?=[CF])/u, `°${SPACE}?`)).join("|")})`
}

const unitOf = (language: TextLanguage, symbol: string) => language.units[symbol.replace(/\s/gu, "")]

const fractionRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const { numbers, words } = language
  const said = (
    whole: string | undefined,
    numerator: number,
    denominator: number,
    symbol: string | undefined,
    after: string
  ): string => {
    const part = numbers.fraction(numerator, denominator)
    const hasWhole = whole !== undefined && whole !== ""
    const unit = symbol === undefined ? undefined : unitOf(language, symbol)
    const gender = unit === undefined ? numbers.genderOf(after) : unit.gender
    const number = hasWhole ? numbers.withFraction(numbers.cardinal(Number(whole), gender), part, gender) : part
    return unit === undefined
      ? number
      : `${number} ${hasWhole && numbers.isPlural(Number(whole) + 0.5) ? unit.many : unit.one}`
  }
  const unit = `(?:${SPACE}?(${unitPattern(language)})(?![\\p{L}\\p{N}]))?`
  return [
    {
      pattern: `(?:(\\d{1,9})${SPACE}?)?([${VULGAR}])${unit}`,
      read: ([, whole, sign = "", symbol], { after }) => {
        const [numerator, denominator] = vulgar[sign] ?? [1, 2]
        return { said: said(whole, numerator, denominator, symbol, after) }
      }
    },
    {
      pattern:
        `(?:(\\d{1,4})(?:${SPACE}|-(?=\\d/)))?(\\d{1,3})[/⁄](\\d{1,3})(?![\\d/⁄]|[.,]\\d)(?:(?:rd|th)s?)?${unit}`,
      read: ([, whole, above, below, symbol], { after, before }) => {
        const [numerator, denominator] = [Number(above), Number(below)]
        if (/[\d/]$/u.test(before) || numerator === 0 || numerator >= denominator || !denominators.has(denominator)) {
          return undefined
        }
        return { said: said(whole, numerator, denominator, symbol, after) }
      }
    },
    {
      // "24/7", "2024/25", "120/80"
      pattern: "(\\d{1,4})/(\\d{1,4})(?![\\d/]|[.,]\\d)",
      read: ([text, first = "", second = ""], { after, before }) => {
        if (/[\d/]$/u.test(before)) return undefined
        // "2024/25", "2024/2025", "24/25"
        const season = (first.length === 4 || first.length === second.length) && second.length > 1 &&
          Number(second) % 100 === (Number(first) + 1) % 100 && Number(first) < 2100
        const from = season && first.length === 4 ? numbers.year(Number(first)) : numbers.cardinal(Number(first))
        const to = second.length > 1 && second.startsWith("0")
          ? sayDigits(second, language)
          : season && second.length === 4
          ? numbers.year(Number(second))
          : numbers.cardinal(Number(second))
        if (/^ ?=/u.test(after)) return { said: `${from} ${words.dividedBy} ${to}` }
        if (season || /^(?:24\/7|9\/11|50\/50)$/u.test(text)) return { said: `${from} ${to}` }
        const isScore = Number(first) <= Number(second) && [5, 10, 20, 100].includes(Number(second))
        return { said: `${from} ${isScore ? words.outOf : words.over} ${to}` }
      }
    }
  ]
}

const unitRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const number = numberPattern(language.format)
  const units = unitPattern(language)
  const sign = "(\\+/[-−]|[-−+±])?"
  return [
    {
      // "5'11\""
      pattern: "(\\d{1,2})(?:['′’]| ?f(?:t|eet)) ?(\\d{1,2})(?:[\"″”]|''| ?in(?:ches)?(?![\\p{L}]))",
      read: ([, feet, inches]) => {
        const foot = language.units["ft"]
        const inch = language.units["″"]
        return foot === undefined || inch === undefined
          ? undefined
          : { said: `${sayCount(Number(feet), foot, language)} ${sayCount(Number(inches), inch, language)}` }
      }
    },
    {
      pattern:
        `${sign}(${number})${SPACE}?(${units})(?:${PER}(?![\\p{L}\\p{N}]))(?:(?<=\\p{L}\\p{L})\\.(?=[,;:)]| \\p{Ll}))?`,
      read: ([, mark, written = "", symbol = "", per]) => {
        const unit = unitOf(language, symbol)
        if (unit === undefined) return undefined
        return {
          said: signed(mark, language) + sayCounted(parseNumber(written, language.format), unit, language) +
            sayPer(per, language),
          isQuantity: true
        }
      }
    }
  ]
}

const orderRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const { numbers } = language
  const rules: Array<NumberRule> = numbers.ordinalMarks.map(([mark, gender]) => ({
    pattern: `(\\d{1,3}(?:[.,\\u00a0\\u202f]\\d{3}){1,3}|\\d{1,9})(?:${mark})`,
    read: ([, digits = ""], { after, before }) => ({
      said: numbers.ordinal(Number(digits.replace(/\D/gu, "")), { gender, before, after })
    })
  }))
  const decade = numbers.decade
  if (decade !== undefined) {
    rules.unshift({
      pattern: `['’‘]?(\\d0|[1-9]\\d{2}0)(?:${numbers.decadeMark ?? ""})(?![\\p{L}\\d])`,
      read: ([, digits]) => ({ said: decade(Number(digits)) })
    })
  }
  return rules
}

/**
 * Makes the rules for quantities. The last of them reads any number.
 *
 * @category constructors
 * @since 0.1.0
 */
export const quantityRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const { numbers, words } = language
  const number = numberPattern(language.format)
  const scale = scalePattern(language, false)
  const operators = [words.plus, words.minus, words.equals, words.times, words.dividedBy].map(escape).join("|")
  const calculated = new RegExp(`^(?: ?[+=*/^²³]| [-−] | (?:${operators}) )`, "u")
  const calculation = new RegExp(`(?:[+=*/^] ?|[\\p{L}\\d] [-−] | (?:${operators}) )$`, "u")
  const power = (exponent: string) =>
    exponent === "2" ?
      words.squared :
      exponent === "3" ?
      words.cubed :
      `${words.toThePowerOf} ${
        exponent.startsWith("-")
          ? `${words.minus} ${numbers.cardinal(Number(exponent.slice(1)))}`
          : numbers.cardinal(Number(exponent))
      }`
  return [
    ...orderRules(language),
    ...fractionRules(language),
    ...unitRules(language),
    {
      pattern:
        `(\\+/[-−]|[-−+±])?(${number})(?:[eE]([-−+]?\\d{1,3})(?![\\p{L}\\d])|([⁻]?[${SUPERSCRIPTS}]{1,3})|\\^\\(?([-−]?\\d{1,3})\\)?)`,
      read: ([, mark, written = "", scientific, raised, caret]) => {
        const said = signed(mark, language) + sayNumber(parseNumber(written, language.format), language)
        if (scientific !== undefined) {
          const exponent = String(Number(scientific.replace("−", "-")))
          return { said: `${said} ${words.times} ${numbers.cardinal(10)} ${power(exponent)}` }
        }
        const exponent = raised === undefined
          ? caret ?? ""
          : Array.from(raised, (sign) => sign === "⁻" ? "-" : String(SUPERSCRIPTS.indexOf(sign))).join("")
        return { said: `${said} ${power(exponent.replace("−", "-"))}` }
      }
    },
    {
      // "x^2": the base is no number
      pattern: "\\^([-−]?\\d{1,3})",
      read: ([, exponent = ""]) => ({ said: power(exponent.replace("−", "-")) })
    },
    {
      // "5x faster"
      pattern: `(${number})[x×](?![\\p{L}\\d]| ?\\d)`,
      read: ([, written = ""], { after, before }) =>
        // "2x + 1 = 5"
        calculated.test(after) || calculation.test(before)
          ? undefined
          : { said: `${sayNumber(parseNumber(written, language.format), language)} ${words.timesAsMuch}` }
    },
    {
      pattern: "(\\d{1,4}):(\\d{1,4})(?![\\d:])",
      read: ([, first = "", second = ""]) => ({
        said: `${numbers.cardinal(Number(first))} ${words.ratio} ${numbers.cardinal(Number(second))}`
      })
    },
    {
      pattern: `(\\+/[-−]|[-−+±])?(${number})(${scale})(?:${SPACE}(?:d[ei] |d['’])?(${
        unitPattern(language)
      })(?![\\p{L}\\p{N}]))?`,
      read: ([, mark, written = "", name = "", symbol]) => {
        const found = scaleOf(language, name, false)
        if (found === undefined) return undefined
        const unit = symbol === undefined ? undefined : unitOf(language, symbol)
        const said = signed(mark, language) + sayScaled(parseNumber(written, language.format), found, language)
        if (unit === undefined) return { said }
        return {
          said: said + (found.exponent >= 6 ? language.ofMillions(unit.many) : ` ${unit.many}`),
          isQuantity: true
        }
      }
    },
    {
      pattern: "(\\+/[-−]|[-−+±])?\\.(\\d{1,12})(?!\\d)",
      read: ([, mark, fraction = ""]) => ({
        said: signed(mark, language) + sayNumber({ integer: "0", fraction }, language)
      })
    },
    {
      // "10,000+ users"
      pattern: `(${number})\\+(?=[\\s.,;:!?)]|$)`,
      read: ([, written = ""]) => ({
        said: `${sayNumber(parseNumber(written, language.format), language)} ${words.plus}`
      })
    },
    {
      // "’98", "anni '90"
      pattern: "(?<![\\p{L}\\p{N}])['’‘](\\d{2})(?!\\d|['’]\\d)",
      read: ([, digits = ""]) => ({
        said: digits.startsWith("0") ? sayDigits(digits, language) : numbers.cardinal(Number(digits))
      })
    },
    {
      pattern: `(\\+/[-−]|[-−+±])?(${number})`,
      read: ([, mark, written = ""], { after, before }): Reading => {
        const parsed = parseNumber(written, language.format)
        const value = valueOf(parsed)
        const sign = signed(mark, language)
        const bare = /^\d+$/u.test(written)
        if (bare && written.length > 1 && written.startsWith("0")) {
          return { said: sign + sayDigitGroups(written, language) }
        }
        if (
          bare && sign === "" &&
          ((written.length >= 8 && !written.endsWith("000")) ||
            (written.length >= 3 && isCodeContext(before, written.length)))
        ) {
          return { said: sayDigitGroups(written, language), isFinal: true }
        }
        if (
          bare && sign === "" && value >= 1000 && value < 2100 && !/^ ?[xX×*=+] ?\d/u.test(after) &&
          !/\d ?[xX×*=+] ?$/u.test(before) &&
          numbers.isYear(value, before, after)
        ) {
          return { said: numbers.year(value), value, isYear: true }
        }
        const noun = parsed.fraction !== ""
          ? undefined
          : language.dates.hourBefore?.test(before) === true
          ? "feminine"
          : numbers.genderOf(after)
        const said = sign + sayNumber(parsed, language, noun)
        // "un' ora"
        const elided = noun === undefined ? undefined : numbers.elide?.(`${said} ${after.charAt(1)}`).slice(0, -1)
        return { said: elided?.endsWith("'") ? elided : said, value }
      }
    },
    {
      pattern: `(\\+/[-−]|[-−+±])?(\\d+)`,
      read: ([, mark, digits = ""]) => ({ said: signed(mark, language) + sayDigitGroups(digits, language) })
    }
  ]
}
