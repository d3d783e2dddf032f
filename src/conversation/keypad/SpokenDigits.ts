/**
 * Digits that a caller says one by one, in the languages of the recognisers: `"four oh seven"` is `"407"`. Pure.
 *
 * @since 0.1.0
 */

/** The words of the digits 0 to 9 in each language; several words for one digit stand behind each other. */
const tables: { readonly [language: string]: ReadonlyArray<string> } = {
  de: ["null", "eins ein", "zwei zwo", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
  en: ["zero oh o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine niner"],
  es: ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
  fr: ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"],
  it: ["zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"],
  nl: ["nul", "een één", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"],
  pt: ["zero", "um", "dois", "três", "quatro", "cinco", "seis meia", "sete", "oito", "nove"]
}

const values: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(
  Object.entries(tables).map(([language, words]) => [
    language,
    new Map(words.flatMap((same, digit) => same.split(" ").map((word) => [word, String(digit)] as const)))
  ])
)

/** A longer text is not a series of digits. */
const MAX_CHARACTERS = 400

/** Words that repeat the next digit. */
const repeats: ReadonlyMap<string, number> = new Map([["double", 2], ["triple", 3], ["doppel", 2]])

/** The keys beside the digits, which some callers name. */
const keys: ReadonlyMap<string, string> = new Map([
  ["star", "*"],
  ["asterisk", "*"],
  ["stern", "*"],
  ["pound", "#"],
  ["hash", "#"],
  ["raute", "#"]
])

/** Sounds that are a digit only among other digits. */
const fillers: ReadonlySet<string> = new Set(["oh", "o", "um", "meia", "ein", "een"])

/**
 * The digits of a text in which nothing else is said but digits, by words or as the recogniser writes them
 * (`"415-555 0123."`); `undefined` for any other text.
 *
 * `language` is a BCP 47 tag; words of a language without a table count as none, and English is the default.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string, language = "en"): string | undefined => {
  if (text.length > MAX_CHARACTERS) return undefined
  const known = values.get(language.toLowerCase().split("-")[0]!)
  const words = text.normalize("NFC").toLowerCase().split(/[^\p{L}\p{M}\p{N}*#]+/u).filter((word) => word !== "")
  if (words.length === 1 && fillers.has(words[0]!)) return undefined
  let digits = ""
  let repeat = 1
  for (const word of words) {
    const times = repeats.get(word)
    if (times !== undefined) {
      if (repeat !== 1) return undefined
      repeat = times
      continue
    }
    const found = known?.get(word) ?? keys.get(word) ?? (/^[0-9*#]+$/.test(word) ? word : undefined)
    if (found === undefined) return undefined
    digits += found.charAt(0).repeat(repeat) + found.slice(1)
    repeat = 1
  }
  return digits === "" || repeat !== 1 ? undefined : digits
}
