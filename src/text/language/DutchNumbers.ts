/**
 * How numbers are said in Dutch. Pure.
 *
 * @since 0.1.0
 */
import type { NumberWords } from "./TextLanguage.ts"

const small =
  ("nul één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien " +
    "achttien negentien").split(" ")
const tens = "- - twintig dertig veertig vijftig zestig zeventig tachtig negentig".split(" ")
const large: ReadonlyArray<readonly [value: number, name: string]> = [[1e12, "biljoen"], [1e9, "miljard"], [
  1e6,
  "miljoen"
]]

/** "één" inside of a word has no accents. */
const inner = (value: number): string => value === 1 ? "een" : small[value] ?? ""

const belowHundred = (value: number): string => {
  if (value < 20) return inner(value)
  const ten = tens[Math.floor(value / 10)] ?? ""
  const one = inner(value % 10)
  return value % 10 === 0 ? ten : `${one}${one.endsWith("e") ? "ën" : "en"}${ten}`
}

const belowThousand = (value: number): string => {
  if (value < 100) return belowHundred(value)
  const count = Math.floor(value / 100)
  return `${count === 1 ? "" : inner(count)}honderd${value % 100 === 0 ? "" : belowHundred(value % 100)}`
}

const belowMillion = (value: number): string => {
  if (value < 1000) return belowThousand(value)
  // "twaalfhonderd"
  if (value < 10_000 && value % 1000 >= 100) {
    return `${belowHundred(Math.floor(value / 100))}honderd${value % 100 === 0 ? "" : belowHundred(value % 100)}`
  }
  const thousands = Math.floor(value / 1000)
  const head = `${thousands === 1 ? "" : belowThousand(thousands)}duizend`
  return value % 1000 === 0 ? head : `${head} ${belowThousand(value % 1000)}`
}

const cardinal = (value: number): string => {
  if (value === 1) return "één"
  const parts: Array<string> = []
  let rest = value
  for (const [scale, name] of large) {
    const count = Math.floor(rest / scale)
    if (count > 0) parts.push(`${count === 1 ? "één" : belowThousand(count)} ${name}`)
    rest %= scale
  }
  if (rest > 0 || parts.length === 0) parts.push(belowMillion(rest))
  return parts.join(" ").replace(/ een$/u, " één")
}

const ordinal = (value: number): string => {
  const last = value % 100
  const said = cardinal(value).replace(/één$/u, "een")
  if (last === 1) return said.replace(/een$/u, "eerste")
  if (last === 3) return said.replace(/drie$/u, "derde")
  return last === 0 || last === 8 || last >= 20 ? `${said}ste` : `${said}de`
}

const year = (value: number): string => {
  const century = Math.floor(value / 100)
  const rest = value % 100
  if (value < 1100 || value >= 2000) return cardinal(value)
  return rest < 10
    ? `${belowHundred(century)}honderd${rest === 0 ? "" : belowHundred(rest)}`
    : belowHundred(century) + belowHundred(rest)
}

const yearBefore =
  /(?:^|[\s(])(?:in|sinds|tot|vanaf|van|voor|na|rond|het jaar|jaar|anno|zomer|winter|lente|herfst|januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december)\s+$|[(©'’]$|\d[–—-]$/iu

/**
 * The numbers of Dutch.
 *
 * @category constants
 * @since 0.1.0
 */
export const dutchNumbers: NumberWords = {
  cardinal,
  ordinal,
  year,
  fraction: (numerator, denominator) => {
    const name = denominator === 2 ? "half" : denominator === 4 ? "kwart" : ordinal(denominator)
    return `${numerator === 1 ? "een" : cardinal(numerator)} ${name}`
  },
  withFraction: (whole, fraction) =>
    fraction !== "een half"
      ? `${whole} ${fraction}`
      : whole === "één"
      ? "anderhalf"
      : `${whole}${whole.endsWith("e") ? "ën" : "en"}half`,
  digits: small.slice(0, 10),
  decimalPoint: "komma",
  decimalsAsNumber: true,
  phones: "",
  ordinalMarks: [["(?:e|de|ste)(?![\\p{L}\\d])", "masculine"]],
  isYear: (value, before, after) =>
    value >= 1100 && (yearBefore.test(before) || !/^[ \u00a0-]\p{Ll}{3,}(?:en|s)\b/u.test(after)),
  isPlural: (value) => value !== 1,
  genderOf: () => undefined
}
