/**
 * How numbers are said in Spanish. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords } from "./TextLanguage.ts"

const small =
  ("cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete " +
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho " +
    "veintinueve").split(" ")
const tens = "- - - treinta cuarenta cincuenta sesenta setenta ochenta noventa".split(" ")
const hundreds =
  "- ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos".split(" ")
const ordinals =
  ("- primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo decimotercero " +
    "decimocuarto decimoquinto decimosexto decimoséptimo decimoctavo decimonoveno").split(" ")
const ordinalTens = "- - vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo"
  .split(" ")
const ordinalHundreds =
  "- centésimo ducentésimo tricentésimo cuadringentésimo quingentésimo sexcentésimo septingentésimo octingentésimo noningentésimo"
    .split(" ")

const belowHundred = (value: number): string =>
  value < 30
    ? small[value] ?? ""
    : `${tens[Math.floor(value / 10)] ?? ""}${value % 10 === 0 ? "" : ` y ${small[value % 10] ?? ""}`}`

const belowThousand = (value: number): string =>
  value < 100
    ? belowHundred(value)
    : value === 100
    ? "cien"
    : `${hundreds[Math.floor(value / 100)] ?? ""}${value % 100 === 0 ? "" : ` ${belowHundred(value % 100)}`}`

/** "uno" becomes "un" before a noun, as are "mil" and "millones". */
const shortened = (said: string): string => said.replace(/veintiuno$/u, "veintiún").replace(/(^|\s)uno$/u, "$1un")

const belowMillion = (value: number): string => {
  const thousands = Math.floor(value / 1000)
  const rest = value % 1000
  return [
    ...(thousands === 0 ? [] : [thousands === 1 ? "mil" : `${shortened(belowThousand(thousands))} mil`]),
    ...(rest === 0 && thousands > 0 ? [] : [belowThousand(rest)])
  ].join(" ")
}

const cardinal: NumberWords["cardinal"] = (value, gender) => {
  const parts: Array<string> = []
  for (const [scale, one, many] of [[1e12, "billón", "billones"], [1e6, "millón", "millones"]] as const) {
    const count = Math.floor(value / scale) % 1e6
    if (count > 0) parts.push(`${shortened(belowMillion(count))} ${count === 1 ? one : many}`)
  }
  const rest = value % 1e6
  if (rest > 0 || parts.length === 0) {
    const said = belowMillion(rest)
    // the hundreds agree with the noun, and so does a last "uno"
    parts.push(
      gender === "masculine"
        ? shortened(said)
        : gender === "feminine"
        ? said.replace(/uno$/u, "una").replace(/(cient|quinient)os/gu, "$1as")
        : said
    )
  }
  return parts.join(" ")
}

const ordinal: NumberWords["ordinal"] = (value, form) => {
  if (value === 0 || value > 999) return cardinal(value)
  const parts: Array<string> = []
  if (value >= 100) parts.push(ordinalHundreds[Math.floor(value / 100)] ?? "")
  const rest = value % 100
  if (rest > 0 && rest < 20) parts.push(ordinals[rest] ?? "")
  else if (rest >= 20) {
    parts.push(ordinalTens[Math.floor(rest / 10)] ?? "")
    if (rest % 10 > 0) parts.push(ordinals[rest % 10] ?? "")
  }
  const said = parts.join(" ")
  if (form?.gender === "feminine") return said.replace(/o(?=\s|$)/gu, "a")
  return /^ \p{Ll}/u.test(form?.after ?? "") && !/^ (?:de|del|y|o|en|al?|que)(?!\p{L})/u.test(form?.after ?? "")
    ? said.replace(/(primer|tercer)o$/u, "$1")
    : said
}

/** "doceavo", "treintaidosavo" */
const partOf = (denominator: number): string =>
  `${belowHundred(denominator).replace(/ y /gu, "i").normalize("NFD").replace(/\u0301/gu, "").replace(/a$/u, "")}avo`

const functionWord =
  /^[ \u00a0](?:de|del|y|e|o|u|a|al|en|que|por|para|con|sin|es|son|era|está|el|la|los|las|un|una|más|menos|entre|hasta|desde|como|no|se|ya|si|pero|cuando|millón|millones|mil)(?!\p{L})/u
const masculineNoun =
  /^[ \u00a0](?:días?|problemas?|sistemas?|temas?|programas?|mapas?|idiomas?|climas?|planetas?|kilogramas?)(?!\p{L})/u
const feminineNoun =
  /^[ \u00a0](?:\p{L}*(?:as?|ción|ciones|sión|siones|dad|dades|tad|tades|tud|tudes)|noches?|veces|vez|partes?|clases?|llaves?|tardes?|mujeres|mujer|leyes|ley|calles?|flores|flor|imágenes|imagen|órdenes|orden|llamadas?|manos?|fotos?)(?!\p{L})/u

/**
 * Makes the numbers of Spanish; the decimal mark is a comma in Spain, a point in Mexico.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spanishNumbers = (decimalPoint: "coma" | "punto"): NumberWords => ({
  cardinal,
  ordinal,
  year: cardinal,
  fraction: (numerator, denominator) => {
    const names: Readonly<Record<number, string>> = { 2: "medio", 3: "tercio", 4: "cuarto", 100: "centésimo" }
    const name = names[denominator] ?? (denominator <= 10 ? ordinals[denominator] ?? "" : partOf(denominator))
    return `${cardinal(numerator, "masculine")} ${numerator === 1 ? name : `${name}s`}`
  },
  withFraction: (whole, fraction, gender) =>
    `${whole} y ${fraction === "un medio" ? (gender === "feminine" ? "media" : "medio") : fraction}`,
  digits: small.slice(0, 10),
  decimalPoint,
  decimalsAsNumber: true,
  phones:
    "[6-9]\\d{2} \\d{3} \\d{3}|9\\d \\d{3} \\d{2} \\d{2}|[6-9]\\d{2} \\d{2} \\d{2} \\d{2}|\\d{2} \\d{4} \\d{4}|\\d{3}-\\d{3}-\\d{4}",
  ordinalMarks: [
    ["\\.?(?:º|°(?! ?[CF]\\b)(?= \\p{Ll})|er|ros?|dos?|tos?|vos?|mos?|nos?)(?![\\p{L}\\d])", "masculine"],
    ["\\.?(?:ª|ras?|das?|tas?|vas?|mas?|nas?)(?![\\p{L}\\d])", "feminine"]
  ],
  isYear: () => false,
  isPlural: (value) => value !== 1,
  genderOf: (after) =>
    !/^[ \u00a0]\p{Ll}/u.test(after) || functionWord.test(after)
      ? undefined
      : feminineNoun.test(after) && !masculineNoun.test(after)
      ? "feminine"
      : "masculine"
})
