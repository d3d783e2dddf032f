/**
 * The signs in a word, said in the words of a language. Pure.
 *
 * A sign for which the language has no word stays as it is.
 *
 * @since 0.1.0
 */
import type { CountedNoun, TextLanguage } from "../language/TextLanguage.ts"
import { directionsOf, type TextWords } from "../TextWords.ts"

/**
 * Says the signs of one word, which has no white space. `before` is the word before it on its line, `""` at the start.
 *
 * @category models
 * @since 0.1.0
 */
export type SaySigns = (word: string, before: string) => string

/** What makes a word worth a closer look. */
const notable = /[^\p{L}\p{M}\p{N}\s'’"“”‘,.;:!?()…$€£-]|^[-.]|->|--|[№ºᵒ\u00B2\u00B3\u00B9\u2070-\u209FπΩΩµμ]/u

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹"
const plainDigits = (text: string): string =>
  text.replace(/[⁰¹²³⁴-⁹]/gu, (digit) => String(superscripts.indexOf(digit))).replace(/⁻/gu, "-").replace(/⁺/gu, "")

/**
 * Words before "*" or "#" that speak of the keys of a telephone, as a regular expression.
 *
 * @category constants
 * @since 0.1.0
 */
export const keyVerbs =
  "press(?:ing)?|dial(?:ling|ing)?|hit(?:ting)?|enter|type|push|tap|keys?|wähl\\p{L}*|drück\\p{L}*|tipp\\p{L}*|tasten?|eingeben|appuye\\p{L}*|compose\\p{L}*|tape[rz]?|touches?|pulse|marque|presione|oprima|teclas?|teclee|prema|premi|digit\\p{L}*|componga|tast[oi]|pressione|aperte|disque|tecle|druk|toets\\p{L}*|kies"

const keyVerb = new RegExp(`^(?:${keyVerbs})[.,:;]?$`, "iu")

/**
 * Whether a word speaks of the keys of a telephone.
 *
 * @category guards
 * @since 0.1.0
 */
export const isKeyVerb = (word: string): boolean => keyVerb.test(word)

/** "5′10″" in a language whose units are feet and inches, and no angle. */
const feetAndInches = /^([("'“‘]?\d{1,2})′(\d{1,2})″([.,;:!?)"'”’]*)$/u

/** A number of a telephone's keypad: "*9", "**31#", "*#06#". */
const keys = /^[*#\d]*[*#][*#\d]*$/u

type Rule = readonly [pattern: RegExp, said: string | ((...parts: Array<string>) => string)]

/** A rule for a sign that has a word. */
const rule = (pattern: RegExp, word: string | undefined, make = (said: string) => ` ${said} `): Array<Rule> =>
  word === undefined ? [] : [[pattern, make(word)]]

const rulesOf = (context: TextWords): ReadonlyArray<Rule> => {
  const { words } = context
  const directions = directionsOf(context)
  const { squared, cubed, toThePowerOf } = words
  const power = (exponent: string, sign: string): string =>
    exponent === "2" && squared !== undefined
      ? ` ${squared} `
      : exponent === "3" && cubed !== undefined
      ? ` ${cubed} `
      : toThePowerOf === undefined
      ? sign
      : ` ${toThePowerOf} ${exponent.replace(/^[-−]/u, `${words.minus ?? "-"} `)} `
  return [
    // "List<String>", "HashMap<String, Vec<u8>>"
    ...(words.lessThan === undefined
      ? []
      : [
        [/<(\p{L}[^<>]*)>/gu, (_: string, inner: string) => ` ${inner} `] as const,
        [/(?<=\p{Lu}\p{L}+)<(?=\p{Lu}\p{L}+,)/gu, " "] as const
      ]),
    // "50%-60%"
    ...rule(/(?<=\d(?:%|‰|°[CF]?))[-–—−](?=\d)/gu, words.to),
    ...rule(/(?<=^[("'“‘«]?)[nN]\.?[°ºᵒ]\.?(?=\d|[.,;:]*$)/gu, words.number, (said) => `${said} `),
    ...rule(/\|\|/gu, directions?.or),
    ...rule(/\+\/[-−–]|±|∓/gu, words.plusOrMinus),
    ...rule(/(?<![=!<>])!=+|=\/=|≠|≢/gu, words.notEqual),
    ...rule(/<=>|<-+>|[↔⇔⟷⇄⇆]/gu, words.and),
    ...rule(/<=|[≤⩽≦≯]/gu, words.atMost),
    ...rule(/>=|[≥⩾≧≮]/gu, words.atLeast),
    ...rule(/≰/gu, words.moreThan),
    ...rule(/≱/gu, words.lessThan),
    ...rule(/<-+(?!\d)|[←⇐⟵⬅]/gu, directions?.from),
    ...rule(/-+>|=+>|[→⇒⟶⟹➔➜➝➞➡]/gu, words.arrow),
    ...rule(/[↑⇑⬆▲]/gu, directions?.up),
    ...rule(/[↓⇓⬇▼]/gu, directions?.down),
    ...rule(/(?<=^[("'“‘]?)[~≈∼](?=[$€£]?\d)/gu, words.about, (said) => `${said} `),
    ...rule(/(?<=\d)\s*[~～](?=\d)/gu, words.to),
    ...rule(/~=|[≈≅≃]/gu, words.approximatelyEqual),
    ...rule(/(?<=^|[\p{L}\p{N})\]²³])={1,3}(?=$|[\p{L}\p{N}([\-−+√])|≡/gu, words.equals),
    ...rule(/(?<=^(?=<(?:$|\d|=))|[\p{L}\p{N})])<(?=$|[\p{L}\p{N}=-])/gu, words.lessThan),
    ...rule(/^>(?=$|\d|=)|(?<=[\p{L}\p{N})])>(?=[\p{L}\p{N}-])/gu, words.moreThan),
    ...rule(/∉/gu, words.notElementOf),
    ...rule(/∈/gu, words.elementOf),
    ...rule(/[×✕⨯∗]|(?<=[\d)])[*·⋅∙](?=[\d(])/gu, words.times),
    ...rule(/[÷➗]/gu, words.dividedBy),
    ...rule(/−(?=[\p{L}\p{N}(.,√])|^−$|➖/gu, words.minus),
    ...rule(
      /(?<=[\p{L}\p{N})²³])\+(?=[\p{L}\p{N}(]|\+*[.,;:!?)"'”’]*$)|(?<=\+)\+(?=[.,;:!?)"'”’]*$)|^\+$|➕/gu,
      words.plus
    ),
    [
      /(?<=[\p{L}\p{N})])\^\{?([-−]?\p{N}+|\p{L})\}?/gu,
      (sign, exponent) => power(exponent ?? "", sign ?? "")
    ],
    [/(?<=[\p{L}\p{N})])(⁻?[²³⁰⁴-⁹]+|⁻¹)/gu, (sign) => power(plainDigits(sign ?? ""), sign ?? "")],
    ...rule(/^\^$/gu, words.caret),
    ...rule(/[√∛∜]/gu, words.root),
    ...rule(/∑/gu, words.sum),
    ...rule(/∞/gu, words.infinity),
    ...rule(/(?<!\p{Script=Greek})π(?!\p{Script=Greek})/gu, words.pi),
    ...rule(/(?<!\p{Script=Greek})[ΩΩ](?!\p{Script=Greek})/gu, words.ohm),
    ...rule(/(?<![\p{Script=Greek}])[µμ](?![\p{Script=Greek}])/gu, words.micro),
    ...rule(/&+/gu, words.and),
    // "100%ig", "10%-Rabatt"
    ...rule(/%(?=ig)/gu, words.percent, (said) => ` ${said.toLowerCase()}`),
    ...rule(/%(?=-\p{L})/gu, words.percent, (said) => ` ${said}`),
    ...rule(/%/gu, words.percent),
    ...rule(/‰/gu, words.perMille),
    ...(words.degrees === undefined ? [] : [
      ...rule(/°C(?!\p{L})|℃/gu, words.celsius, (said) => ` ${words.degrees} ${said}`),
      ...rule(/°F(?!\p{L})|℉/gu, words.fahrenheit, (said) => ` ${words.degrees} ${said}`),
      ...rule(/°(?=-\p{L})/gu, words.degrees, (said) => ` ${said}`),
      ...rule(/°/gu, words.degrees)
    ]),
    ...rule(/(?<=\d)[″](?!\p{L})/gu, words.seconds),
    ...rule(/(?<=\d)[′](?!\p{L})/gu, words.minutes),
    ...rule(/§+/gu, words.paragraph),
    ...rule(/№/gu, words.number, (said) => `${said} `),
    ...rule(/©/gu, words.copyright),
    ...rule(/®/gu, words.registered),
    ...rule(/[™℠]/gu, words.trademark),
    ...rule(/(\d)–(?=\d)/gu, words.to, (said) => `$1 ${said} `),
    ...(words.number === undefined ? [] : [
      [/(?<=^[("'“‘]?[A-J])#(?=$|[.,;:!?)"'”’])/gu, " sharp"] as const,
      [/[₀-₉]/gu, (digit: string) => String("₀₁₂₃₄₅₆₇₈₉".indexOf(digit))] as const
    ]),
    ...rule(/(?<=^[("'“‘]?)#(?=\d)/gu, words.number, (said) => `${said} `),
    ...rule(/(?<=^[("'“‘]?[A-H])♭/gu, directions?.flat),
    ...rule(/(?<=^[("'“‘]?[A-H])♯/gu, words.number === undefined ? undefined : "sharp"),
    ...(words.hash === undefined ? [] : [[/(?<=^[("'“‘]?)#(?=\p{L})/gu, "hashtag "] as const]),
    ...rule(/(?<=^[("'“‘]?)#(?=[.,;:!?)"'”’]*$)/gu, words.hashKey, (said) => said),
    ...rule(/(?<=[\p{L}\p{N}*])#/gu, words.hash),
    ...rule(/(?<=^[("'“‘]?)\*(?=[.,;:!?)"'”’]*$)/gu, words.starKey, (said) => said),
    ...rule(/^\|$/gu, words.pipe),
    ...rule(/^~$/gu, words.tilde),
    ...rule(/^\\$/gu, words.backslash),
    ...rule(/^_$/gu, words.underscore),
    ...rule(/(?<=^[("'“‘]?)\.(?=\p{L}[\p{L}\p{N}])/gu, words.dot),
    ...rule(/^@(?=\w)|^@$/gu, words.at, (said) => `${said} `),
    ...(words.lessThan === undefined ? [] : [[/[<>\\]+/gu, " "] as const]),
    [/^--$|(?<=\p{L})--(?=\p{L})/gu, "—"]
  ]
}

/** A number, and a unit that is written with a sign. */
const measure =
  /^([("'“‘]?[-−+±~≈]?\d[\d.,]*)?(\p{L}{0,3}[°²³µμΩΩℓ℃℉‰%][\p{L}²³]{0,3}(?:\/\p{L}{1,3}[²³]?)?|\p{L}{1,4}\/\p{L}{1,3}[²³])([.,;:!?)"'”’]*)$/u
const number = /^[("'“‘]?[-−+±~≈]?\d(?:[\d.,]*\d)?$/u

const takesPlural = (written: string, { format, numbers }: TextLanguage): boolean => {
  const digits = written.replace(/^[^\d]+/u, "")
  const plain = format.decimal === ","
    ? digits.replace(/[.'’ ]/gu, "").replace(",", ".")
    : digits.replace(/[,'’ ]/gu, "")
  const value = Number(plain)
  return Number.isNaN(value) || numbers.isPlural(value)
}

/** "µm²" is said like "m²", with the name of its own unit. */
const powerOf = (
  symbol: string,
  named: (symbol: string) => CountedNoun | undefined
): CountedNoun | undefined => {
  const power = /[²³]$/u.exec(symbol)?.[0]
  const unit = power === undefined || /\/|^s/u.test(symbol) ? undefined : named(symbol.slice(0, -1))
  const [model, meter] = [named(`m${power}`), named("m")]
  if (unit === undefined || model === undefined || meter === undefined) return undefined
  const like = (said: string, from: string, to: string) => {
    if (said.includes(from)) return said.replace(from, to)
    // "Quadratmeter"
    return said.endsWith(from.toLowerCase()) ? said.slice(0, -from.length) + to.toLowerCase() : undefined
  }
  const one = like(model.one, meter.one, unit.one)
  const many = like(model.many, meter.many, unit.many)
  return one === undefined || many === undefined ? undefined : { one, many, gender: unit.gender }
}

/** "m²" after "5": "square meters". */
const unitWords = (context: TextWords) => {
  const { language, words } = context
  if (language === undefined) return () => undefined
  const { units } = language
  const named = (symbol: string): CountedNoun | undefined =>
    Object.hasOwn(units, symbol)
      ? units[symbol]
      : Object.hasOwn(units, symbol.replace("μ", "µ"))
      ? units[symbol.replace("μ", "µ")]
      : undefined
  const noun = (symbol: string) => named(symbol) ?? powerOf(symbol, named)
  return (word: string, before: string): string | undefined => {
    const parts = measure.exec(word)
    if (parts === null) return undefined
    const [, amount, symbol = "", after = ""] = parts
    const of = amount ?? (number.test(before) ? before : undefined)
    const isPlural = of === undefined || takesPlural(of, language)
    const whole = noun(symbol)
    const [top = "", bottom = ""] = symbol.split("/")
    const [over, under] = [noun(top), noun(bottom)]
    const said = whole !== undefined
      ? isPlural ? whole.many : whole.one
      : over !== undefined && under !== undefined && words.per !== undefined
      ? `${isPlural ? over.many : over.one} ${words.per} ${under.one}`
      : undefined
    // "% der Fälle": a sign alone is the unit of the number before it, or of none
    return said === undefined ? undefined : `${amount === undefined ? "" : `${amount} `}${said}${after}`
  }
}

/**
 * Makes the function for a language.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (context: TextWords): SaySigns => {
  const { words } = context
  const rules = rulesOf(context)
  const unit = unitWords(context)
  const { hashKey, starKey } = words
  const say = (word: string): string => {
    let out = word
    for (const [pattern, said] of rules) {
      out = typeof said === "string" ? out.replace(pattern, said) : out.replace(pattern, said)
    }
    return out
  }
  return (word, before) => {
    if (!notable.test(word)) return word
    const length = before.includes("°") ? null : feetAndInches.exec(word)
    const { ft, "″": inch } = context.language?.units ?? {}
    if (length !== null && ft !== undefined && inch !== undefined) {
      const [, feet = "", inches = "", after = ""] = length
      return `${feet} ${feet === "1" ? ft.one : ft.many} ${inches} ${inches === "1" ? inch.one : inch.many}${after}`
    }
    const inches = /[°′]$/u.test(before) ? null : /^([("'“‘]?\d+(?:[.,]\d+)?)″(.*)$/u.exec(word)
    if (inches !== null && inch !== undefined) {
      return `${inches[1]} ${inches[1] === "1" ? inch.one : inch.many}${inches[2]}`
    }
    const measured = unit(word, before)
    if (measured !== undefined) return /[°²³µμΩΩ℃℉‰%±≈~−]/u.test(measured) ? say(measured) : measured
    const after = /[.,;:!?)"'”’]*$/u.exec(word)?.[0] ?? ""
    const bare = word.slice(0, word.length - after.length)
    if (
      keys.test(bare) && bare !== "*" && bare !== "#" && hashKey !== undefined && starKey !== undefined &&
      (isKeyVerb(before) || /^\*|#$/u.test(bare))
    ) {
      return bare.replace(/\*/gu, ` ${starKey} `).replace(/#/gu, ` ${hashKey} `).trimEnd() + after
    }
    return say(word)
  }
}
