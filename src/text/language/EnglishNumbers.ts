/**
 * How numbers are said in English. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords } from "./TextLanguage.ts"

const small =
  ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
    "seventeen eighteen nineteen").split(" ")
const tens = "- - twenty thirty forty fifty sixty seventy eighty ninety".split(" ")
const scales = ["", " thousand", " million", " billion", " trillion"]
const irregular: Readonly<Record<string, string>> = {
  one: "first",
  two: "second",
  three: "third",
  five: "fifth",
  eight: "eighth",
  nine: "ninth",
  twelve: "twelfth"
}

const yearBefore =
  /(?:\b(?:in|since|by|from|until|till|before|after|during|around|circa|early|late|mid|year|years|summer|spring|autumn|fall|winter|season|class|(?:January|February|March|April|May|June|July|August|September|October|November|December)(?: of)?)[ -]|[(©'’]|\d[–—-])$/iu
/** A plural noun follows, perhaps after an adjective. */
const countedAfter =
  /^[ -](?:(?!(?:the|an?|and|or|but|when|where|was|is|are|were|has|had|for|with|to|by|in|on|at|that|which|as|it|he|she|we|they|you|there|so|until|after|before|because|if|who)\b)[a-z]+ )?(?!(?:always|does|goes|perhaps|sometimes|towards|his|its)\b)(?:people|men|women|children|feet|[a-z]{2,}[^\Wsiu]s)\b/u

const belowHundred = (value: number): string =>
  value < 20
    ? small[value] ?? ""
    : value % 10 === 0
    ? tens[value / 10] ?? ""
    : `${tens[Math.floor(value / 10)] ?? ""}-${small[value % 10] ?? ""}`

const ordinalOf = (cardinal: string): string => {
  const at = Math.max(cardinal.lastIndexOf(" "), cardinal.lastIndexOf("-")) + 1
  const last = cardinal.slice(at)
  return cardinal.slice(0, at) + (irregular[last] ?? (last.endsWith("y") ? `${last.slice(0, -1)}ieth` : `${last}th`))
}

const pluralOf = (word: string): string => word.endsWith("y") ? `${word.slice(0, -1)}ies` : `${word}s`

/**
 * Makes the numbers of American English, or of British English with `and` before the last two digits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const englishNumbers = (and: boolean): NumberWords => {
  const join = and ? " and " : " "
  const belowThousand = (value: number): string => {
    if (value < 100) return belowHundred(value)
    const hundreds = `${small[Math.floor(value / 100)] ?? ""} hundred`
    return value % 100 === 0 ? hundreds : hundreds + join + belowHundred(value % 100)
  }
  const cardinal = (value: number): string => {
    if (value < 1000) return belowThousand(value)
    const parts: Array<string> = []
    let rest = value
    for (let scale = 0; rest > 0; scale++) {
      const part = rest % 1000
      if (part > 0) parts.unshift(belowThousand(part) + (scales[scale] ?? ""))
      rest = Math.floor(rest / 1000)
    }
    const last = value % 1000
    return last > 0 && last < 100 && and ? `${parts.slice(0, -1).join(" ")} and ${belowHundred(last)}` : parts.join(" ")
  }
  const year = (value: number): string => {
    const century = Math.floor(value / 100)
    const rest = value % 100
    if (value < 1010 || value > 9999 || (century % 10 === 0 && rest < 10)) return cardinal(value)
    if (rest === 0) return `${belowHundred(century)} hundred`
    return `${belowHundred(century)} ${rest < 10 ? `oh ${small[rest] ?? ""}` : belowHundred(rest)}`
  }
  return {
    cardinal,
    ordinal: (value) => ordinalOf(cardinal(value)),
    year,
    decade: (value) => pluralOf(value < 100 ? belowHundred(value) : year(value)),
    decadeMark: "['’]?s",
    fraction: (numerator, denominator) => {
      if (denominator === 2) return numerator === 1 ? "one half" : `${cardinal(numerator)} halves`
      const part = denominator === 4 ? "quarter" : ordinalOf(cardinal(denominator))
      return `${cardinal(numerator)} ${numerator === 1 ? part : `${part}s`}`
    },
    withFraction: (whole, fraction) =>
      `${whole} and ${
        fraction.startsWith("one ")
          ? `${/^one (?:eigh|eleven)/u.test(fraction) ? "an" : "a"}${fraction.slice(3)}`
          : fraction
      }`,
    digits: small.slice(0, 10),
    decimalPoint: "point",
    decimalsAsNumber: false,
    phones:
      "1-8\\d{2}(?=-[A-Z])|(?:1[ .-])?\\d{3}-\\d{3}-\\d{4}|\\d{3}\\.\\d{3}\\.\\d{4}|(?:1 )?\\d{3} \\d{3} \\d{4}|[2-9]\\d{2}-\\d{4}",
    ordinalMarks: [["(?:st|nd|rd|th)(?![\\p{L}])", "masculine"]],
    isYear: (value, before, after) => yearBefore.test(before) || (value >= 1100 && !countedAfter.test(after)),
    isPlural: (value) => value !== 1,
    genderOf: () => undefined
  }
}
