/**
 * How numbers are said in German. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords, OrdinalForm } from "./TextLanguage.ts"

const small =
  ("null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn " +
    "siebzehn achtzehn neunzehn").split(" ")
const tens = "- - zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split(" ")
const large: ReadonlyArray<readonly [value: number, one: string, many: string]> = [
  [1e12, "Billion", "Billionen"],
  [1e9, "Milliarde", "Milliarden"],
  [1e6, "Million", "Millionen"]
]

/** "ein" inside of a word. */
const inner = (value: number): string => value === 1 ? "ein" : small[value] ?? ""

const belowHundred = (value: number): string => {
  if (value < 20) return small[value] ?? ""
  const ten = tens[Math.floor(value / 10)] ?? ""
  return value % 10 === 0 ? ten : `${inner(value % 10)}und${ten}`
}

const belowThousand = (value: number): string =>
  value < 100
    ? belowHundred(value)
    : `${inner(Math.floor(value / 100))}hundert${value % 100 === 0 ? "" : belowHundred(value % 100)}`

const belowMillion = (value: number): string => {
  if (value < 1000) return belowThousand(value)
  const thousands = belowThousand(Math.floor(value / 1000)).replace(/eins$/u, "ein")
  return `${thousands}tausend${value % 1000 === 0 ? "" : belowThousand(value % 1000)}`
}

const cardinal: NumberWords["cardinal"] = (value, gender) => {
  if (value === 1 && gender !== undefined) return gender === "feminine" ? "eine" : "ein"
  const parts: Array<string> = []
  let rest = value
  for (const [scale, one, many] of large) {
    const count = Math.floor(rest / scale)
    if (count > 0) parts.push(count === 1 ? `eine ${one}` : `${belowThousand(count)} ${many}`)
    rest %= scale
  }
  if (rest > 0 || parts.length === 0) parts.push(belowMillion(rest))
  return parts.join(" ")
}

/** The ordinal without its ending: "erst", "zweit". */
const stem = (value: number): string => {
  const last = value % 100
  const head = cardinal(value - last)
  const start = value < 100 ? "" : head
  if (last === 0 || last >= 20) return `${cardinal(value).replace(/(Million|Milliard|Billion)e?n?$/u, "$1")}st`
  const special: Readonly<Record<number, string>> = { 1: "erst", 3: "dritt", 7: "siebt", 8: "acht" }
  return start + (special[last] ?? `${belowHundred(last)}t`)
}

const dative =
  /(?:^|\s)(?:am|vom|zum|zur|beim|im|ans|ins|dem|den|des|einem|einen|einer|eines|ab|seit|bis|nach|vor|diesem|diesen|jedem|jeden|ihrem|seinem|meinem|unserem|unseren|ihren|seinen|meinen|(?:in|an|auf|aus|bei|mit|nach|seit|von|zu|unter|über|vor|hinter|neben|zwischen|während|wegen|trotz) der)\s+$/iu
const nominative = /(?:^|\s)(?:der|die|das|dieser|diese|dieses|jeder|jede|jedes)\s+$/iu
const feminine = /^\s+\p{L}*(?:e|ung|heit|keit|schaft|ion|tät|liga|hälfte|auflage)(?!\p{L})/iu
const neuter =
  /^\s+\p{L}*(?:tel|chen|um|ment|mal|jahr|jahrhundert|haus|spiel|tor|buch|kind|quartal|semester)(?:s|es)?(?!\p{L})/iu

const ending = ({ after = "", before = "" }: OrdinalForm): string => {
  const context = before.replace(series, "")
  if (dative.test(context)) return "en"
  if (nominative.test(context)) return "e"
  return feminine.test(after) ? "e" : neuter.test(after) ? "es" : "er"
}

/** "das 1., 2. und 3. Kapitel": the endings are those of the first. */
const series = /(?:\d{1,3}\.(?:,| und| oder| bis|\s?[–-])\s*)+$/u

const year = (value: number): string => {
  const century = Math.floor(value / 100)
  if (century < 11 || century > 19) return cardinal(value)
  return `${belowHundred(century)}hundert${value % 100 === 0 ? "" : belowHundred(value % 100)}`
}

const yearBefore =
  /(?:^|[\s(])(?:im|in|seit|bis|ab|von|vor|nach|um|jahre?s?|anno|sommer|winter|frühjahr|herbst|januar|jänner|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)\s+$|[(©'’]$|\d[–—-]$/iu

/** Nouns of which there is one: all that decides between "ein" and "eine". */
const feminineNoun =
  /^[ \u00a0](?:\p{Lu}\p{L}*(?:e|ung|heit|keit|schaft|ion|tät|zahl)|Person|Nacht|Stadt|Frau|Mutter|Tochter|Hand|Wand|Bank|Tür|Firma|E-Mail|Mail|SMS|Antwort|Kraft)(?!\p{L})/u

/**
 * The numbers of German.
 *
 * @category constants
 * @since 0.1.0
 */
export const germanNumbers: NumberWords = {
  cardinal,
  ordinal: (value, form = {}) => stem(value) + ending(form) + (form.after === "" ? "." : ""),
  year,
  decade: (value) => `${value < 100 ? belowHundred(value) : year(value)}er`,
  decadeMark: "er[ns]?",
  fraction: (numerator, denominator) => {
    if (denominator === 2) return numerator === 1 ? "ein halb" : `${cardinal(numerator)} halbe`
    const name = denominator === 3
      ? "drittel"
      : denominator === 7
      ? "siebtel"
      : denominator === 8
      ? "achtel"
      : denominator === 100
      ? "hundertstel"
      : belowHundred(denominator) + (denominator < 20 ? "tel" : "stel")
    return `${cardinal(numerator, "neuter")} ${name.charAt(0).toUpperCase()}${name.slice(1)}`
  },
  withFraction: (whole, fraction) =>
    fraction === "ein halb" ? `${whole.replace(/ein[es]$/u, "ein")}einhalb` : `${whole} ${fraction}`,
  digits: small.slice(0, 10),
  decimalPoint: "Komma",
  decimalsAsNumber: false,
  phones: "",
  ordinalMarks: [[
    // before a word, another ordinal, a comma; or after "am", "der" also at the end
    "\\.(?<=(?<!\\d)\\d{1,3}\\.)(?:(?=[ \\u00a0]\\p{L}|,|[ \\u00a0]?[–-][ \\u00a0]?\\d{1,2}\\.)|" +
    "(?<=(?<!\\p{L})(?:[Aa]m|[Vv]om|[Zz]um|[Dd]er|[Dd]en|[Dd]em|[Dd]es|[Bb]eim)[ \\u00a0]\\d{1,3}\\.)(?=[ ;:!?)]|$))",
    "masculine"
  ]],
  compound: /^(?:fach|mal(?!\p{L})|er|tägig|jährig|stündig|minütig|stellig|prozentig|teilig|köpfig|seitig)/u,
  isYear: (value, before, after) =>
    value >= 1100 && (yearBefore.test(before) || !/^[ \u00a0-](?:\p{Lu}|und mehr)/u.test(after)),
  isPlural: (value) => value !== 1,
  genderOf: (after) =>
    feminineNoun.test(after) || /^[ \u00a0]\p{Ll}+e \p{Lu}/u.test(after)
      ? "feminine"
      : /^[ \u00a0](?:\p{Ll}+e[rs] )?\p{Lu}\p{Ll}/u.test(after)
      ? "neuter"
      : undefined
}
