/**
 * How numbers are said in Italian. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords } from "./TextLanguage.ts"

const small =
  ("zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici " +
    "diciassette diciotto diciannove").split(" ")
const tens = "- - venti trenta quaranta cinquanta sessanta settanta ottanta novanta".split(" ")
const ordinals = "- primo secondo terzo quarto quinto sesto settimo ottavo nono decimo".split(" ")

const belowHundred = (value: number): string => {
  if (value < 20) return small[value] ?? ""
  const ten = tens[Math.floor(value / 10)] ?? ""
  const rest = value % 10
  // "ventuno", "ventotto"
  return rest === 0 ? ten : (rest === 1 || rest === 8 ? ten.slice(0, -1) : ten) + (small[rest] ?? "")
}

const belowThousand = (value: number): string => {
  if (value < 100) return belowHundred(value)
  const count = Math.floor(value / 100)
  const hundreds = `${count === 1 ? "" : small[count] ?? ""}cento`
  const rest = value % 100 === 0 ? "" : belowHundred(value % 100)
  // "centotto", "centottanta"
  return rest.startsWith("ott") ? hundreds.slice(0, -1) + rest : hundreds + rest
}

const belowMillion = (value: number): string => {
  const thousands = Math.floor(value / 1000)
  const rest = value % 1000
  if (thousands === 0) return belowThousand(rest)
  return `${thousands === 1 ? "mille" : `${belowThousand(thousands)}mila`}${rest === 0 ? "" : belowThousand(rest)}`
}

/** A "tre" at the end of a longer word has an accent. */
const accented = (said: string): string => said.replace(/(?<=\p{L})tre$/u, "tré")

const cardinal: NumberWords["cardinal"] = (value, gender) => {
  if (value === 1 && gender !== undefined) return gender === "feminine" ? "una" : "un"
  const parts: Array<string> = []
  let rest = value
  for (
    const [scale, one, many] of [[1e12, "bilione", "bilioni"], [1e9, "miliardo", "miliardi"], [
      1e6,
      "milione",
      "milioni"
    ]] as const
  ) {
    const count = Math.floor(rest / scale)
    if (count > 0) parts.push(count === 1 ? `un ${one}` : `${accented(belowThousand(count))} ${many}`)
    rest %= scale
  }
  if (rest > 0 || parts.length === 0) parts.push(accented(belowMillion(rest)))
  return parts.join(" ")
}

const ordinal: NumberWords["ordinal"] = (value, form) => {
  const said = value > 0 && value <= 10
    ? ordinals[value] ?? ""
    : `${
      cardinal(value).replace(/tré$/u, "tree").replace(/sei$/u, "seii").replace(/mila$/u, "mille").replace(
        /[aeiou]$/u,
        ""
      )
    }esimo`
  return form?.gender === "feminine" ? said.replace(/o$/u, "a") : said
}

const functionWord =
  /^[ \u00a0](?:e|o|a|di|da|in|con|su|per|tra|fra|è|sono|era|il|lo|la|i|gli|le|un|una|che|non|si|ma|se|più|meno|del|della|dei|delle|al|alla|ai|alle|dal|nel|sul|come|ha|milione|milioni|miliardo|miliardi)(?!\p{L})/u
const feminineNoun =
  /^[ \u00a0](?:(?!problema|sistema|programma|tema|giga|euro)\p{L}*(?:a|e(?<=ione|ore|volte|persone|ante|ite|sterline|lire|tonnellate|libbre))|notte|parte|chiave|classe|mano|foto|email|mail)(?!\p{L})/u

/**
 * The numbers of Italian.
 *
 * @category constants
 * @since 0.1.0
 */
export const italianNumbers: NumberWords = {
  cardinal,
  ordinal,
  year: cardinal,
  fraction: (numerator, denominator) => {
    const name = denominator === 2 ? "mezzo" : ordinal(denominator)
    return `${cardinal(numerator, "masculine")} ${numerator === 1 ? name : name.replace(/o$/u, "i")}`
  },
  withFraction: (whole, fraction, gender) =>
    `${whole} e ${fraction === "un mezzo" ? (gender === "feminine" ? "mezza" : "mezzo") : fraction}`,
  digits: small.slice(0, 10),
  decimalPoint: "virgola",
  decimalsAsNumber: true,
  phones: "800[ -]\\d{3}[ -]\\d{3}|3\\d{2}[ -]?\\d{3}[ -]?\\d{3,4}",
  ordinalMarks: [
    [
      "(?:º|°(?! ?[CF]\\b)(?= (?:gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre|" +
      "posto|piano|anno|giorno|turno|secolo|grado|classificato|tempo|round|atto|capitolo|articolo))|mo|esimo)(?![\\p{L}\\d])",
      "masculine"
    ],
    ["(?:ª|ma|esima)(?![\\p{L}\\d])", "feminine"]
  ],
  isYear: () => false,
  // "un'ora", "uno zero" but "un giorno"
  elide: (said) => said.replace(/(^|\s)una (?=[aeiouàèéìòù])/gu, "$1un'"),
  isPlural: (value) => value !== 1,
  genderOf: (after) =>
    !/^[ \u00a0]\p{Ll}/u.test(after) || functionWord.test(after)
      ? undefined
      : feminineNoun.test(after)
      ? "feminine"
      : "masculine"
}
