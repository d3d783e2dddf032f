/**
 * The normaliser's rules of money, degrees and units.
 *
 * @since 0.1.0
 */
import { anyOf, BOUNDARY as B, longestFirst, W } from "../CharacterClasses.ts"
import { type NormaliseRule, type NormaliseTables, NUM, rule } from "./NormaliseRule.ts"

const SCALE = `(hundred|thousand|million|billion|trillion|[kKmMbB]${B})`
const scaleLetters = new Map([["k", "thousand"], ["m", "million"], ["b", "billion"]])
const scaleOf = (text: string) => scaleLetters.get(text.toLowerCase()) ?? text

const isOne = (number: string) => ["1", "1.0", "-1"].includes(number.replaceAll(",", ""))

/** The word for as many of them; nothing for what is not in the table. */
const counted = (forms: readonly [singular: string, plural: string] | undefined, number: string): string =>
  forms?.[isOne(number) ? 0 : 1] ?? ""

/**
 * "$3 million", "5¢", "₹500", "5°C", "5 km".
 *
 * @category constructors
 * @since 0.1.0
 */
export const rules = ({ currency, units }: NormaliseTables): ReadonlyArray<NormaliseRule> => [
  rule(
    `([$£€])(${NUM}) ?${SCALE}`,
    ([, sign = "", number, scale = ""]) => `${number} ${scaleOf(scale)} ${currency.get(sign)?.[1]}`
  ),
  rule(`(?<![${W}.])(${NUM}) ?¢`, ([, number = ""]) => `${number} ${counted(currency.get("¢"), number)}`),
  rule(
    `(?<![${W}])(¥|₹|₩|Rs|Rs\\.|USD|EUR|GBP) ?(${NUM})(?: ?${SCALE})?`,
    ([, sign = "", number = "", scale]) => {
      const forms = currency.get(sign.replace(".", ""))
      return scale === undefined ? `${number} ${counted(forms, number)}` : `${number} ${scaleOf(scale)} ${forms?.[1]}`
    }
  ),
  rule(`(?<![${W}.])(-?${NUM}) ?° ?([CF])?(?![${W}])`, ([, number = "", scale]) => {
    const name = scale === "C" ? " Celsius" : scale === "F" ? " Fahrenheit" : ""
    return `${number} degree${isOne(number) ? "" : "s"}${name}`
  }),
  rule(
    `(?<![${W}.])(-?${NUM}) ?(${anyOf(longestFirst(units.keys()))})(?![${W}])`,
    ([, number = "", unit = ""]) => `${number} ${counted(units.get(unit), number)}`
  )
]
