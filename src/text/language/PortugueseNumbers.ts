/**
 * How numbers are said in Portuguese. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords } from "./TextLanguage.ts"

const hundreds = "- cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos".split(
  " "
)
const tens = "- - vinte trinta quarenta cinquenta sessenta setenta oitenta noventa".split(" ")
const ordinals = "- primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono".split(" ")
const ordinalTens =
  "- décimo vigésimo trigésimo quadragésimo quinquagésimo sexagésimo septuagésimo octogésimo nonagésimo".split(" ")
const ordinalHundreds =
  "- centésimo ducentésimo tricentésimo quadringentésimo quingentésimo sexcentésimo septingentésimo octingentésimo noningentésimo"
    .split(" ")

const ordinal: NumberWords["ordinal"] = (value, form) => {
  const parts = [
    ...(value >= 100 ? [ordinalHundreds[Math.floor(value / 100)] ?? ""] : []),
    ...(value % 100 >= 10 ? [ordinalTens[Math.floor(value % 100 / 10)] ?? ""] : []),
    ...(value % 10 > 0 ? [ordinals[value % 10] ?? ""] : [])
  ]
  const said = parts.join(" ")
  return form?.gender === "feminine" ? said.replace(/o(?=\s|$)/gu, "a") : said
}

const feminine = (said: string): string =>
  said.replace(/(^|\s)um$/u, "$1uma").replace(/(^|\s)dois(?=$| mil(?:\s|$))/gu, "$1duas").replace(
    /(duzent|trezent|quatrocent|quinhent|seiscent|setecent|oitocent|novecent)os/gu,
    "$1as"
  )

const functionWord =
  /^[ \u00a0](?:de|do|da|dos|das|e|ou|a|o|as|os|ao|à|em|no|na|que|por|para|com|sem|é|são|era|está|um|uma|mais|menos|entre|até|como|não|se|já|mas|quando|milhão|milhões|bilhão|bilhões|mil)(?!\p{L})/u
const masculineNoun =
  /^[ \u00a0](?:dias?|problemas?|sistemas?|temas?|programas?|mapas?|idiomas?|climas?|gramas?|quilogramas?)(?!\p{L})/u
const feminineNoun =
  /^[ \u00a0](?:\p{L}*(?:as?|ção|ções|são|sões|dade|dades|tude|gem|gens)|noites?|vezes|vez|partes?|chaves?|tardes?|mulheres|mulher|leis?|flores|flor|mãos?|fotos?|classes?|fases?)(?!\p{L})/u

/**
 * Makes the numbers of Portuguese: of Brazil, or of Portugal ("dezasseis", "mil milhões").
 *
 * @category constructors
 * @since 0.1.0
 */
export const portugueseNumbers = (brazil: boolean): NumberWords => {
  const small =
    (`zero um dois três quatro cinco seis sete oito nove dez onze doze treze ${brazil ? "quatorze" : "catorze"} ` +
      `quinze ${brazil ? "dezesseis dezessete" : "dezasseis dezassete"} dezoito ${brazil ? "dezenove" : "dezanove"}`)
      .split(" ")
  const large: ReadonlyArray<readonly [value: number, one: string, many: string]> = brazil
    ? [[1e12, "trilhão", "trilhões"], [1e9, "bilhão", "bilhões"], [1e6, "milhão", "milhões"]]
    : [[1e12, "bilião", "biliões"], [1e6, "milhão", "milhões"]]
  const belowHundred = (value: number): string =>
    value < 20
      ? small[value] ?? ""
      : `${tens[Math.floor(value / 10)] ?? ""}${value % 10 === 0 ? "" : ` e ${small[value % 10] ?? ""}`}`
  const belowThousand = (value: number): string =>
    value < 100
      ? belowHundred(value)
      : value === 100
      ? "cem"
      : `${hundreds[Math.floor(value / 100)] ?? ""}${value % 100 === 0 ? "" : ` e ${belowHundred(value % 100)}`}`
  /** "e" stands before a last part that is below a hundred, or whole hundreds. */
  const joined = (head: string, last: string, value: number): string =>
    `${head}${value < 100 || value % 100 === 0 ? " e " : " "}${last}`
  const belowMillion = (value: number): string => {
    const thousands = Math.floor(value / 1000)
    const rest = value % 1000
    if (thousands === 0) return belowThousand(rest)
    const head = thousands === 1 ? "mil" : `${belowThousand(thousands)} mil`
    return rest === 0 ? head : joined(head, belowThousand(rest), rest)
  }
  const cardinal: NumberWords["cardinal"] = (value, gender) => {
    let said = ""
    let rest = value
    for (const [scale, one, many] of large) {
      const count = Math.floor(rest / scale)
      const part = count === 0 ? "" : count === 1 ? `um ${one}` : `${belowMillion(count)} ${many}`
      if (part !== "") said = said === "" ? part : joined(said, part, count)
      rest %= scale
    }
    if (rest === 0 && said !== "") return said
    const last = gender === "feminine" ? feminine(belowMillion(rest)) : belowMillion(rest)
    return said === "" ? last : joined(said, last, rest >= 1000 && rest % 1000 === 0 ? rest / 1000 : rest)
  }
  return {
    cardinal,
    ordinal: (value, form) => value === 0 || value > 999 ? cardinal(value) : ordinal(value, form),
    year: cardinal,
    fraction: (numerator, denominator) => {
      const names: Readonly<Record<number, string>> = { 2: "meio", 3: "terço", 100: "centésimo" }
      const name = names[denominator] ??
        (denominator <= 10 ? ordinal(denominator) : `${belowHundred(denominator)} avos`)
      return `${cardinal(numerator)} ${numerator === 1 || name.endsWith("avos") ? name : `${name}s`}`
    },
    withFraction: (whole, fraction, gender) =>
      `${whole} e ${fraction === "um meio" ? (gender === "feminine" ? "meia" : "meio") : fraction}`,
    digits: small.slice(0, 10),
    decimalPoint: "vírgula",
    decimalsAsNumber: true,
    phones: brazil ? "9?\\d{4}-\\d{4}|0800 ?\\d{3} ?\\d{4}" : "[29]\\d{2} \\d{3} \\d{3}",
    ordinalMarks: [
      ["\\.?(?:º|°(?! ?[CF]\\b)(?= \\p{Ll})|os?)(?![\\p{L}\\d])", "masculine"],
      ["\\.?(?:ª|as?)(?![\\p{L}\\d])", "feminine"]
    ],
    isYear: () => false,
    isPlural: (value) => value >= 2,
    genderOf: (after) =>
      !/^[ \u00a0]\p{Ll}/u.test(after) || functionWord.test(after)
        ? undefined
        : feminineNoun.test(after) && !masculineNoun.test(after)
        ? "feminine"
        : "masculine"
  }
}
