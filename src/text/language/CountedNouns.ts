/**
 * Reads the compact form in which the languages list their nouns. Pure.
 *
 * @since 0.1.0
 */
import type { CountedNoun, Currency, Gender } from "./TextLanguage.ts"

const genders: Readonly<Record<string, Gender>> = { m: "masculine", f: "feminine", n: "neuter" }

/**
 * Reads "singular/plural/gender"; the gender is `m`, `f`, `n` or `-` for none, masculine if left out. `heure/heures/f`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noun = (text: string): CountedNoun => {
  const [one = "", many = one, gender = "m"] = text.split("/")
  return { one, many, gender: genders[gender] }
}

/**
 * Reads a table of nouns; a key may be several, with spaces between.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nouns = (table: Readonly<Record<string, string>>): Readonly<Record<string, CountedNoun>> =>
  Object.fromEntries(
    Object.entries(table).flatMap(([keys, text]) => keys.split(" ").map((key) => [key, noun(text)] as const))
  )

/**
 * Reads a table of currencies: "euro/euros cent/cents", the minor unit may be left out, and `_` is a space.
 *
 * @category constructors
 * @since 0.1.0
 */
export const currencies = (table: Readonly<Record<string, string>>): Readonly<Record<string, Currency>> =>
  Object.fromEntries(
    Object.entries(table).map(([code, text]) => {
      const [major = "", minor] = text.split(" ").map((part) => noun(part.replace(/_/gu, " ")))
      return [code, minor === undefined ? { major: major || noun("") } : { major: major || noun(""), minor }]
    })
  )
