/**
 * The languages for which text for the ear has tables.
 *
 * @since 0.1.0
 */
import { britishEnglish, english } from "./English.ts"
import { austrianGerman, german } from "./German.ts"
import type { TextLanguage } from "./TextLanguage.ts"

/** By language, and by language and region where a region differs. */
const languages: Readonly<Record<string, TextLanguage>> = {
  en: english,
  "en-gb": britishEnglish,
  de: german,
  "de-at": austrianGerman
}

/** Regions that write and speak like another. */
const regions: Readonly<Record<string, string>> = {
  "en-au": "en-gb",
  "en-ie": "en-gb",
  "en-in": "en-gb",
  "en-nz": "en-gb",
  "en-za": "en-gb"
}

/**
 * Returns the tables for a tag of BCP 47 ("de", "de-AT", "pt_BR"): those of the region if it differs, else of the language;
 * `undefined` for any other language.
 *
 * @category accessors
 * @since 0.1.0
 */
export const forTag = (tag: string): TextLanguage | undefined => {
  const [language = "", ...rest] = tag.trim().toLowerCase().slice(0, 64).split(/[-_]/u)
  const region = rest.find((part) => /^(?:[a-z]{2}|\d{3})$/u.test(part))
  const full = `${language}-${region ?? ""}`
  const key = regions[full] ?? full
  return Object.hasOwn(languages, key)
    ? languages[key]
    : Object.hasOwn(languages, language)
    ? languages[language]
    : undefined
}
