/**
 * How numbers are said in French. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords } from "./TextLanguage.ts"

const small =
  ("zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept " +
    "dix-huit dix-neuf").split(" ")
const large: ReadonlyArray<readonly [value: number, one: string, many: string]> = [
  [1e12, "billion", "billions"],
  [1e9, "milliard", "milliards"],
  [1e6, "million", "millions"]
]

const feminineNoun =
  /^[ \u00a0\u202f](?:(?:heure|minute|seconde|semaine|année|journée|nuit|personne|page|place|livre|tonne|étoile|pièce|femme|fille|voiture|maison|chambre|table|étape|ligne|voix|fois|ville|partie|réponse|demande|commande|carte|bouteille|tasse|boîte|équipe|pomme|note|lettre|porte|rue|route|photo|image|adresse|clé|idée|règle|langue|course|gare|offre|somme|fête|tête|main|nuitée|chose|soirée|couronne|roupie)s?|\p{L}+(?:tion|sion|té|ette|ance|ence|ure|ée|ie|sse|tte|elle|nne|ine|ade|ude|ière|euse|trice|aine)s?)(?!\p{L})/u

/**
 * Makes the numbers of French: of France, or with "septante" and "nonante" as in Belgium and Switzerland, there also "huitante".
 *
 * @category constructors
 * @since 0.1.0
 */
export const frenchNumbers = (region: "FR" | "BE" | "CH"): NumberWords => {
  const tens = region === "FR"
    ? "- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt"
    : `- - vingt trente quarante cinquante soixante septante ${region === "CH" ? "huitante" : "quatre-vingt"} nonante`
  const tenOf = tens.split(" ")
  const belowHundred = (value: number, ends: boolean): string => {
    if (value < 20) return small[value] ?? ""
    const ten = tenOf[Math.floor(value / 10)] ?? ""
    const isDouble = region === "FR" && (value >= 90 || (value >= 70 && value < 80))
    const rest = isDouble ? value % 10 + 10 : value % 10
    if (rest === 0) return ten === "quatre-vingt" && ends ? `${ten}s` : ten
    const joint = (rest === 1 || rest === 11) && ten !== "quatre-vingt" ? " et " : "-"
    return `${ten}${joint}${small[rest] ?? ""}`
  }
  /** `ends`: nothing follows in the number, so "vingt" and "cent" take their plural. */
  const belowThousand = (value: number, ends: boolean): string => {
    if (value < 100) return belowHundred(value, ends)
    const count = Math.floor(value / 100)
    const rest = value % 100
    const hundred = count === 1 ? "cent" : `${small[count] ?? ""} cent${rest === 0 && ends ? "s" : ""}`
    return rest === 0 ? hundred : `${hundred} ${belowHundred(rest, ends)}`
  }
  const cardinal: NumberWords["cardinal"] = (value, gender) => {
    const parts: Array<string> = []
    let rest = value
    for (const [scale, one, many] of large) {
      const count = Math.floor(rest / scale)
      if (count > 0) parts.push(`${belowThousand(count, true)} ${count === 1 ? one : many}`)
      rest %= scale
    }
    const thousands = Math.floor(rest / 1000)
    if (thousands > 0) parts.push(thousands === 1 ? "mille" : `${belowThousand(thousands, false)} mille`)
    rest %= 1000
    if (rest > 0 || parts.length === 0) parts.push(belowThousand(rest, true))
    const said = parts.join(" ")
    return gender === "feminine" ? said.replace(/(^|[\s-])un$/u, "$1une") : said
  }
  const ordinal: NumberWords["ordinal"] = (value, form) => {
    if (value === 1) return form?.gender === "feminine" ? "première" : "premier"
    const said = cardinal(value).replace(/(quatre-vingt|cent|million|milliard)s$/u, "$1")
    return `${said.replace(/cinq$/u, "cinqu").replace(/neuf$/u, "neuv").replace(/e$/u, "")}ième`
  }
  return {
    cardinal,
    ordinal,
    year: cardinal,
    fraction: (numerator, denominator) => {
      const names: Readonly<Record<number, string>> = { 2: "demi", 3: "tiers", 4: "quart" }
      const name = names[denominator] ?? ordinal(denominator)
      return `${cardinal(numerator)} ${numerator === 1 || name === "tiers" ? name : `${name}s`}`
    },
    withFraction: (whole, fraction) => `${whole} et ${fraction === "un demi" ? "demi" : fraction}`,
    digits: small.slice(0, 10),
    decimalPoint: "virgule",
    decimalsAsNumber: true,
    phoneGroup: (digits) =>
      digits.length === 2
        ? digits.startsWith("0") ? `zéro ${small[Number(digits)] ?? ""}` : cardinal(Number(digits))
        : Array.from(digits, (digit) => small[Number(digit)] ?? "").join(" "),
    phones: "",
    ordinalMarks: [
      ["ers?(?![\\p{L}\\d])", "masculine"],
      ["(?:i?[èe]res?|re|ndes?)(?![\\p{L}\\d])", "feminine"],
      ["(?:i?[èe]mes?|es?|nds?|d)(?![\\p{L}\\d])", "masculine"]
    ],
    isYear: () => false,
    isPlural: (value) => value >= 2,
    genderOf: (after) => feminineNoun.test(after) ? "feminine" : undefined
  }
}
