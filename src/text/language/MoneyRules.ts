/**
 * Amounts of money. Pure.
 *
 * @since 0.1.0
 */
import type { NumberRule, Reading } from "./NumberRule.ts"
import type { Currency, Scale, TextLanguage } from "./TextLanguage.ts"
import {
  numberPattern,
  parseNumber,
  PER,
  sayCount,
  sayInteger,
  sayNumber,
  sayPer,
  SPACE,
  valueOf,
  type WrittenNumber
} from "./WrittenNumber.ts"

/** What signs and abbreviations stand for, where the language does not say otherwise. */
const signs: Readonly<Record<string, string>> = {
  "US$": "US$",
  "CA$": "CAD",
  "C$": "CAD",
  "AU$": "AUD",
  "A$": "AUD",
  "NZ$": "NZD",
  "HK$": "HKD",
  "S$": "SGD",
  "MX$": "MXN",
  "R$": "BRL",
  "€": "EUR",
  "$": "USD",
  "£": "GBP",
  "¥": "JPY",
  "\uffe5": "JPY",
  "₹": "INR",
  "₩": "KRW",
  "₽": "RUB",
  "₺": "TRY",
  "₪": "ILS",
  "₴": "UAH",
  "฿": "THB",
  "₫": "VND",
  "₦": "NGN",
  "₿": "BTC",
  "¢": "cent",
  "Fr.": "CHF",
  "SFr.": "CHF",
  "zł": "PLN",
  "Kč": "CZK",
  "kr.": "kr",
  "kr": "kr",
  "Rs.": "INR",
  "Rs": "INR",
  "USD": "US$"
}

/** Written only before the amount. */
const onlyBefore = new Set(["Fr.", "SFr.", "Rs.", "Rs"])

const escape = (text: string): string => text.replace(/[.$]/gu, "\\$&")

/** A pattern of these signs; those of letters only where no letter comes before. */
const alternatives = (texts: Iterable<string>): string => {
  const sorted = [...new Set(texts)].sort((a, b) => b.length - a.length).map(escape)
  const letters = sorted.filter((text) => /^\p{L}/u.test(text))
  return `(?:(?<!\\p{L})(?:${letters.join("|")})|${sorted.filter((text) => !letters.includes(text)).join("|")})`
}

const currencySigns = (language: TextLanguage): ReadonlyArray<string> => [
  ...Object.keys(signs),
  ...Object.keys(language.currencies).filter((code) => /^[A-Z]{3}$/u.test(code))
]

/**
 * The pattern of a sign or a code of a currency before an amount.
 *
 * @category constructors
 * @since 0.1.0
 */
export const currencyPattern = (language: TextLanguage): string => alternatives(currencySigns(language))

/**
 * Makes the pattern of the words for thousands and millions after a number.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scalePattern = (language: TextLanguage, money: boolean): string => {
  const some = (attached: boolean) =>
    language.scales.filter((scale) => (scale.attached ?? false) === attached && (money || scale.money !== true))
      .map((scale) => scale.written).join("|")
  const attached = some(true)
  // "300 k€": a space only where a sign follows
  const others = attached === "" ? "" : `|(?:${attached})${money ? `|${SPACE}(?:${attached})(?=[€$£])` : ""}`
  return `(?:(?:${SPACE}?(?:${some(false)})${others})(?![\\p{L}\\p{N}]))`
}

/**
 * Finds the scale that `scalePattern` matched.
 *
 * @category accessors
 * @since 0.1.0
 */
export const scaleOf = (language: TextLanguage, text: string, money: boolean): Scale | undefined => {
  const bare = text.trim()
  return language.scales.find((scale) =>
    (money || scale.money !== true) &&
    new RegExp(`^(?:${scale.written.replace(/\(\?<=[^)]*\)/gu, "")})$`, "u").test(bare)
  )
}

/**
 * Says a number with its scale: "five million".
 *
 * @category conversions
 * @since 0.1.0
 */
export const sayScaled = (number: WrittenNumber, scale: Scale, language: TextLanguage): string => {
  const noun = scale.noun
  // "mille", never "un mille"
  if (scale.exponent === 3 && number.fraction === "" && number.integer.length <= 3) {
    return language.numbers.cardinal(Number(number.integer) * 1000)
  }
  return `${sayNumber(number, language, noun.gender)} ${
    language.numbers.isPlural(valueOf(number)) ? noun.many : noun.one
  }`
}

/** The names of the currencies that have a minor unit. */
const currencyNames = (language: TextLanguage): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(language.currencies).flatMap(([code, { major, minor }]) =>
      minor === undefined || major.one === "" ? [] : [[major.one, code], [major.many, code]] as const
    ).reverse()
  )

const sayAmount = (
  number: WrittenNumber,
  scale: Scale | undefined,
  currency: Currency,
  language: TextLanguage
): string => {
  const { major, minor } = currency
  if (scale !== undefined) {
    const said = sayScaled(number, scale, language)
    return said + (scale.exponent >= 6 ? language.ofMillions(major.many) : ` ${major.many}`)
  }
  const cents = /^\d\d$/u.test(number.fraction) ? Number(number.fraction) : number.fraction === "" ? 0 : undefined
  if (cents === undefined || (minor === undefined && cents > 0)) return `${sayNumber(number, language)} ${major.many}`
  const whole = Number(number.integer)
  const isMillions = whole >= 1e6 && whole % 1e6 === 0
  const noun = language.numbers.isPlural(whole) ? major.many : major.one
  const amount = sayInteger(number.integer, language, major.gender) +
    (isMillions ? language.ofMillions(noun) : ` ${noun}`)
  if (cents === 0 || minor === undefined) return amount
  const rest = sayCount(cents, minor, language)
  return whole === 0 ? rest : amount + language.joinMoney + rest
}

/**
 * Makes the rules for amounts of money: sign or code before or after, ranges, millions, cents, "5.-".
 *
 * @category constructors
 * @since 0.1.0
 */
export const moneyRules = (language: TextLanguage): ReadonlyArray<NumberRule> => {
  const number = numberPattern(language.format)
  const withCents = `(?:${number}|\\d{1,9}[.,]\\d{2}(?!\\d)|[.,]\\d{2}(?!\\d))`
  const scale = scalePattern(language, true)
  const before = currencyPattern(language)
  const after = alternatives(currencySigns(language).filter((sign) => !onlyBefore.has(sign)))
  const codes = currencyNames(language)
  const names = `(?:${[...codes.keys()].sort((a, b) => b.length - a.length).join("|")})`
  const dash = `${SPACE}?[–—-]${SPACE}?`
  // "$5 to 10.", but not "$5 to 10 people"
  const to = ` ${language.words.to} (?=${number}(?:${scale}|[.,;:!?)](?!\\d)|$))`
  const round = "(?:[.,][–—-]{1,2}(?![\\d–—-]))"
  const currencyOf = (sign: string): Currency | undefined => {
    const code = language.currencySigns[sign] ?? signs[sign] ?? sign
    return language.currencies[code] ?? language.currencies[code === "US$" ? "USD" : ""]
  }
  const read = (
    currency: Currency | undefined,
    minus: string | undefined,
    first: string,
    firstScale: string | undefined,
    second: string | undefined,
    secondScale: string | undefined,
    per: string | undefined
  ): Reading | undefined => {
    if (currency === undefined) return undefined
    const amount = (text: string, scale: string | undefined, other: Currency) =>
      sayAmount(
        parseNumber(text, language.format),
        scale === undefined ? undefined : scaleOf(language, scale, true),
        other,
        language
      )
    const negative = minus === undefined || minus === ""
      ? ""
      : minus === "+"
      ? `${language.words.plus} `
      : `${language.words.minus} `
    if (second === undefined) {
      return { said: negative + amount(first, firstScale, currency) + sayPer(per, language), isQuantity: true }
    }
    const low = parseNumber(first, language.format)
    // "€1.50–€2"
    if (low.fraction.length === 2 && secondScale === undefined && currency.minor !== undefined) {
      const amounts = [first, second].map((text) => amount(text, undefined, currency))
      return { said: negative + amounts.join(` ${language.words.to} `) + sayPer(per, language), isQuantity: true }
    }
    const lowScale = firstScale === undefined || firstScale === secondScale
      ? undefined
      : scaleOf(language, firstScale, true)
    const from = lowScale === undefined
      ? sayNumber(low, language, currency.major.gender)
      : sayScaled(low, lowScale, language)
    return {
      said: `${negative}${from} ${language.words.to} ${amount(second, secondScale, currency)}${sayPer(per, language)}`,
      isQuantity: true
    }
  }
  const at = (match: RegExpExecArray, group: number) => match[group]
  return [
    {
      // "3,50 Euro"; without cents the name is left as it is
      pattern: `([-−+])?(${withCents})${SPACE}(${names})(?![\\p{L}\\p{N}])`,
      read: ([, minus, amount = "", name = ""]) =>
        /\D\d\d$/u.test(amount)
          ? read(language.currencies[codes.get(name) ?? ""], minus, amount, undefined, undefined, undefined, undefined)
          : undefined
    },
    {
      // "5,– Euro"
      pattern: `(${number})[.,][–—-]{1,2}(?= \\p{L})`,
      read: ([, whole = ""]) => ({
        said: sayNumber(parseNumber(whole, language.format), language, language.currencies["EUR"]?.major.gender)
      })
    },
    {
      pattern:
        `([-−+])?(${before})${SPACE}?([-−])?(${withCents})(${scale})?${round}?(?:(?:${dash}(?:${before})?${SPACE}?|${to})(${withCents})(${scale})?)?${PER}`,
      read: (match, place) =>
        // "Mo.–Fr. 9 Uhr"
        at(match, 2) === "Fr." && /\b(?:Mo|Di|Mi|Do|am|bis)(?:\.?\s?(?:bis|[–-])\s?|\s)$/u.test(place.before) ?
          undefined :
          read(
            currencyOf(at(match, 2) ?? ""),
            at(match, 1) ?? at(match, 3),
            at(match, 4) ?? "",
            at(match, 5),
            at(match, 6),
            at(match, 7),
            at(match, 8)
          )
    },
    {
      pattern:
        `([-−+])?(${withCents})(${scale})?${round}?(?:${dash}(${withCents})(${scale})?)?${round}?(?:${SPACE}?|${SPACE}d[ei] )(${after})${PER}(?![\\p{L}\\p{N}])`,
      read: (match) =>
        read(
          currencyOf(at(match, 6) ?? ""),
          at(match, 1),
          at(match, 2) ?? "",
          at(match, 3),
          at(match, 4),
          at(match, 5),
          at(match, 7)
        )
    }
  ]
}
