/**
 * Rewrites a sentence so that the tokens which follow are words: times, dates, money with a scale, units, titles,
 * abbreviations, Roman numerals, signs. Plain numbers stay: the lexicon reads them.
 *
 * The order of the rules is binding.
 *
 * @since 0.1.0
 */
import { anyOf, asciiDecimals, BOUNDARY as B, D, longestFirst, W, WS } from "../CharacterClasses.ts"
import * as MappedText from "../MappedText.ts"
import * as AmountRules from "./AmountRules.ts"
import * as DateRules from "./DateRules.ts"
import { type NormaliseRule, type NormaliseTables, rule } from "./NormaliseRule.ts"
import * as NumeralRules from "./NumeralRules.ts"

/**
 * Normalises one sentence.
 *
 * @category models
 * @since 0.1.0
 */
export type Normalise = (sentence: MappedText.MappedText) => MappedText.MappedText

const clean = [
  rule(`[${WS}]+`, ([spaces]) => (spaces === " " ? undefined : " ")),
  rule("^ | $", () => ""),
  rule(`(?![0-9])${`[${D}]`}`, ([digit]) => asciiDecimals(digit)),
  rule("’", () => "'"),
  rule("‒", () => "-"),
  rule("―", () => "—")
]

const tidy = [
  rule(`[${WS}]+`, ([spaces]) => (spaces === " " ? undefined : " ")),
  rule(" (?=[,.;:!?])", () => ""),
  rule("^ | $", () => "")
]

const wordRules = ({ abbreviations, titles }: NormaliseTables): ReadonlyArray<NormaliseRule> => [
  rule(`${B}(${anyOf(longestFirst(titles.keys()))})\\.? (?=[A-Z])`, ([, title = ""]) => `${titles.get(title)} `),
  rule(`(?<![${W}])(${anyOf(longestFirst(abbreviations.keys()))})(?![${W}])`, (match) => {
    const [key] = match
    const endsLine = match.index + key.length === match.input.length && key.endsWith(".")
    return `${abbreviations.get(key)}${endsLine ? "." : ""}`
  })
]

const symbolRules = ({ symbols }: NormaliseTables): ReadonlyArray<NormaliseRule> =>
  Array.from(symbols, ([sign, word]) => {
    const said = word === "" ? " " : ` ${word} `
    // these are also quotes, arrows or signs of approximation: said between two words only
    const between = ["=", "<", ">", "~"].includes(sign)
    return rule(between ? `(?<=[^ ]) ?${sign} ?(?=[^ ])` : anyOf([sign]), () => said)
  })

/**
 * A normaliser with these tables.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (tables: NormaliseTables): Normalise => {
  const rules = [
    ...clean,
    ...DateRules.numericRules(tables),
    ...AmountRules.rules(tables),
    ...DateRules.namedRules(tables),
    ...wordRules(tables),
    ...NumeralRules.rules(tables),
    ...symbolRules(tables),
    ...tidy
  ]
  return (sentence) => rules.reduce((line, { by, pattern }) => MappedText.replace(line, pattern, by), sentence)
}
