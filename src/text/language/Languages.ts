/**
 * The languages for which text for the ear has tables.
 *
 * @since 0.1.0
 */
import { dutch } from "./Dutch.ts"
import { britishEnglish, english } from "./English.ts"
import { belgianFrench, french, swissFrench } from "./French.ts"
import { austrianGerman, german } from "./German.ts"
import { italian } from "./Italian.ts"
import { brazilianPortuguese, europeanPortuguese } from "./Portuguese.ts"
import { americanSpanish, argentineSpanish, mexicanSpanish, spanish } from "./Spanish.ts"
import type { TextLanguage } from "./TextLanguage.ts"

/** By language, and by language and region where a region differs. */
const languages: Readonly<Record<string, TextLanguage>> = {
  en: english,
  "en-gb": britishEnglish,
  de: german,
  "de-at": austrianGerman,
  fr: french,
  "fr-be": belgianFrench,
  "fr-ch": swissFrench,
  es: spanish,
  "es-mx": mexicanSpanish,
  "es-us": americanSpanish,
  "es-ar": argentineSpanish,
  it: italian,
  pt: brazilianPortuguese,
  "pt-pt": europeanPortuguese,
  nl: dutch
}

/** Regions that write and speak like another. */
const regions: Readonly<Record<string, string>> = {
  "en-au": "en-gb",
  "en-ie": "en-gb",
  "en-in": "en-gb",
  "en-nz": "en-gb",
  "en-za": "en-gb",
  "es-419": "es-mx",
  "es-cl": "es-ar",
  "es-co": "es-ar",
  "es-cr": "es-us",
  "es-gt": "es-us",
  "es-pa": "es-us",
  "es-pe": "es-us",
  "es-pr": "es-us",
  "es-sv": "es-us",
  "es-uy": "es-ar",
  "pt-ao": "pt-pt",
  "pt-mz": "pt-pt"
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
