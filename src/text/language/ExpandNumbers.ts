/**
 * Replaces the numbers of a text by words, for voices that do not read numbers themselves. Pure, and linear in the text.
 *
 * @since 0.1.0
 */
import { codeRules } from "./CodeRules.ts"
import { dateRules, monthPattern, timeRules } from "./DateRules.ts"
import type { ExpandedSpan, ExpandedText } from "./ExpandedText.ts"
import { currencyPattern, moneyRules } from "./MoneyRules.ts"
import type { NumberRule, Reading } from "./NumberRule.ts"
import { joinWords } from "./NumberSigns.ts"
import { quantityRules, SUPERSCRIPTS } from "./QuantityRules.ts"
import type { TextLanguage } from "./TextLanguage.ts"
import { sayDigitGroups, sayDigits, sayInteger, SPACE } from "./WrittenNumber.ts"

/** How much of the text around a number the rules see, in characters. */
const CONTEXT = 48
/** The longest sign, currency or month before a number. */
const MAX_PREFIX = 24

const anyDigit = /\p{N}/gu
const decimalDigit = /\p{Nd}/u
const foreignDigit = /[^\P{Nd}0-9]|[₀-₉]/gu
const letterOrDigit = /[\p{L}\p{N}]/u

/** The value of a decimal digit of any script: the digits of a script are ten in a row. */
const digitValue = (char: string): number => {
  const code = char.codePointAt(0) ?? 0
  if (code >= 0x2080 && code <= 0x2089) return code - 0x2080
  // mathematical digits follow each other without a gap
  if (code >= 0x1d7ce && code <= 0x1d7ff) return (code - 0x1d7ce) % 10
  let zero = code
  while (code - zero < 9 && decimalDigit.test(String.fromCodePoint(zero - 1))) zero--
  return code - zero
}

/** Digits of other scripts become 0 to 9; those beyond the basic plane are left, because the text must keep its length. */
const withPlainDigits = (text: string): string =>
  text.replace(foreignDigit, (char) => char.length === 1 ? String(digitValue(char)) : char)

interface Compiled {
  readonly rules: ReadonlyArray<readonly [pattern: RegExp, read: NumberRule["read"]]>
  /** What may stand before the digits of a number and belongs to it, the longest first. */
  readonly prefixes: ReadonlyArray<RegExp>
}

const compile = (language: TextLanguage): Compiled => {
  const rules = [
    ...dateRules(language),
    ...timeRules(language),
    ...moneyRules(language),
    ...codeRules(language),
    ...quantityRules(language)
  ]
  const sign = "(?:\\+/[-−]|[-−+±])"
  // a sign after these joins two numbers
  const unsigned = "(?<![\\p{L}\\p{N})\\]%‰°€$£²³″])"
  return {
    rules: rules.map(({ pattern, read }) => [new RegExp(pattern, "uy"), read]),
    prefixes: [
      ...(language.dates.monthFirst ? [`(?<!\\p{L})${monthPattern(language)}${SPACE}`] : []),
      `${unsigned}${sign}(?:${currencyPattern(language)})${SPACE}?${sign}?\\.?`,
      `(?:${currencyPattern(language)})${SPACE}?${sign}?\\.?`,
      `(?<![\\p{L}\\p{N}])\\(\\+?`,
      `${unsigned}${sign}\\.?`,
      "\\^[-−]?",
      "(?<![\\p{L}\\p{N}])['’‘.]"
    ].map((prefix) => new RegExp(`(?:${prefix})$`, "u"))
  }
}

const cache = new WeakMap<TextLanguage, Compiled>()
const compiled = (language: TextLanguage): Compiled => {
  const known = cache.get(language)
  if (known !== undefined) return known
  const made = compile(language)
  cache.set(language, made)
  return made
}

interface Found extends Reading {
  readonly start: number
  readonly end: number
}

/** Digits right after a letter belong to a name: "MP3", "A380", "H2O". */
const inName = (text: string, start: number, language: TextLanguage): Found => {
  let end = start
  while (/\d/u.test(text.charAt(end))) end++
  const digits = text.slice(start, end)
  return {
    start,
    end,
    said: digits.length <= 2 ? sayInteger(digits, language) : sayDigitGroups(digits, language),
    isFinal: true
  }
}

const byRules = (text: string, start: number, { rules }: Compiled): Found | undefined => {
  const before = text.slice(Math.max(0, start - CONTEXT), start)
  for (const [pattern, read] of rules) {
    pattern.lastIndex = start
    const match = pattern.exec(text)
    if (match === null) continue
    const end = start + match[0].length
    const reading = read(match, { before, after: text.slice(end, end + CONTEXT) })
    if (reading !== undefined) {
      return { ...reading, start, end: reading.length === undefined ? end : start + reading.length }
    }
  }
  return undefined
}

/** A sign that is a number by itself: "³", "①", "Ⅳ", "𝟕". */
const bySign = (text: string, start: number, language: TextLanguage): Found => {
  const char = String.fromCodePoint(text.codePointAt(start) ?? 0)
  const power = SUPERSCRIPTS.indexOf(char)
  if (power >= 0) {
    const { cubed, squared } = language.words
    const isUnit = /\p{L}$/u.test(text.slice(Math.max(0, start - 1), start))
    const said = isUnit && power === 2 ? squared : isUnit && power === 3 ? cubed : language.numbers.cardinal(power)
    return { start, end: start + 1, said }
  }
  const end = start + char.length
  if (decimalDigit.test(char)) return { start, end, said: sayDigits(String(digitValue(char)), language) }
  const plain = char.normalize("NFKC").replace(/\D/gu, "")
  return { start, end, said: plain === "" ? char : sayInteger(plain, language) }
}

const findNumber = (text: string, from: number, first: number, language: TextLanguage, patterns: Compiled): Found => {
  if (!/\d/u.test(text.charAt(first))) {
    return byRules(text, first, patterns) ?? bySign(text, first, language)
  }
  // one character more, for what must not stand before a prefix
  const head = text.slice(Math.max(0, first - MAX_PREFIX - 1), first)
  for (const prefix of patterns.prefixes) {
    const start = first - (prefix.exec(head)?.[0].length ?? 0)
    const found = start === first || start < from ? undefined : byRules(text, start, patterns)
    if (found !== undefined && found.end > first) return found
  }
  const isInName = /[\p{L}_]$/u.test(head) && !/\d[xX]$/u.test(head)
  if (isInName && !/v$/iu.test(head)) return inName(text, first, language)
  return byRules(text, first, patterns) ?? inName(text, first, language)
}

/**
 * Replaces the numbers of a text by words: cardinals, ordinals, decimals, money, units, dates, times, telephone numbers, codes,
 * fractions, years. A number that is nothing else is read plainly; no digit is left. The text should be one whole sentence, since the
 * words beside a number tell what it is.
 *
 * @category conversions
 * @since 0.1.0
 */
export const expandNumbers = (written: string, language: TextLanguage): ExpandedText => {
  anyDigit.lastIndex = 0
  if (!anyDigit.test(written)) return { text: written, spans: [] }
  const text = withPlainDigits(written)
  const patterns = compiled(language)
  const spans: Array<ExpandedSpan> = []
  const parts: Array<string> = []
  let length = 0
  let last: Found | undefined
  const emit = (part: string) => {
    parts.push(part)
    length += part.length
  }
  const replace = (start: number, end: number, said: string) => {
    if (end > start) spans.push({ start, end, spokenStart: length, spokenEnd: length + said.length })
    emit(said)
  }
  let at = 0
  // a letter follows right after the last number
  let needsSpace = false
  const space = () => {
    if (needsSpace) emit(" ")
    needsSpace = false
  }
  while (true) {
    anyDigit.lastIndex = at
    const next = anyDigit.exec(text)
    if (next === null) break
    const found = findNumber(text, at, next.index, language, patterns)
    const gap = text.slice(at, found.start)
    const joint = last === undefined ? undefined : joinWords(gap, last, found, text, language)
    if (joint === undefined) {
      space()
      emit(written.slice(at, found.start))
    } else replace(at, found.start, joint)
    const before = joint === undefined && letterOrDigit.test(gap.slice(-1)) ? " " : ""
    replace(found.start, found.end, before + found.said)
    needsSpace = /\p{L}/u.test(text.charAt(found.end)) && !isCompound(text, found.end, language)
    last = found
    at = found.end
  }
  if (at < written.length) space()
  emit(written.slice(at))
  return { text: parts.join(""), spans }
}

/** In some languages a number and the letters after it are one word: "2fach", "100-jährig". */
const isCompound = (text: string, end: number, { numbers }: TextLanguage): boolean =>
  numbers.compound !== undefined && numbers.compound.test(text.slice(end, end + 8))
