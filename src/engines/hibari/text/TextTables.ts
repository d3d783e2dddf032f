/**
 * The tables of the voice's text, from the model's files.
 *
 * Everything is looked up in Maps: words of the text are keys, and "constructor" is a word.
 *
 * @since 0.1.0
 */
import { gunzipSync } from "node:zlib"
import type { FileName } from "../ModelFiles.ts"
import type { LetterTables } from "./LetterNet.ts"
import type { Entry, Lexicon } from "./lexicon/Lexicon.ts"
import type { NormaliseTables } from "./normaliser/NormaliseRule.ts"
import * as TaggerFile from "./TaggerFile.ts"
import type { TaggerTables } from "./tokens/Tagger.ts"
import type { Exceptions } from "./tokens/Tokens.ts"

/**
 * What both accents need.
 *
 * @category models
 * @since 0.1.0
 */
export interface SharedTables {
  readonly normalise: NormaliseTables
  readonly exceptions: Exceptions
  readonly tagger: TaggerTables
  /** The id of each phoneme sign. */
  readonly ids: ReadonlyMap<string, number>
}

/**
 * What one accent needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface AccentTables {
  readonly lexicon: Lexicon
  readonly letters: LetterTables
}

/**
 * The English that is spoken.
 *
 * @category models
 * @since 0.1.0
 */
export type Accent = "american" | "british"

/**
 * The names of the files of each accent's `AccentTables`.
 *
 * @category constants
 * @since 0.1.0
 */
export const accentFiles = {
  american: { gold: "lexicon_us_gold.json.gz", silver: "lexicon_us_silver.json.gz", letters: "oov.json" },
  british: { gold: "lexicon_gb_gold.json.gz", silver: "lexicon_gb_silver.json.gz", letters: "oov_gb.json" }
} as const

/**
 * Gives the content of a file of the model by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type ReadFile = (name: FileName) => Uint8Array

/** The files are checked against their SHA-256 before they come here, so their content has the form that is said. */
const parse = <A>(read: ReadFile, name: FileName): A => {
  const bytes = read(name)
  return JSON.parse(new TextDecoder().decode(name.endsWith(".gz") ? gunzipSync(bytes) : bytes)) as A
}

type Table<A> = { readonly [key: string]: A }

const mapOf = <A>(table: Table<A>): ReadonlyMap<string, A> => new Map(Object.entries(table))

interface NormaliseFile {
  readonly months: Table<string>
  readonly titles: Table<string>
  readonly abbreviations: Table<string>
  readonly units: Table<readonly [string, string]>
  readonly symbols: Table<string>
  readonly currency: Table<readonly [string, string]>
  readonly roman_cardinal: ReadonlyArray<string>
  readonly roman_ordinal: ReadonlyArray<string>
}

const normaliseTables = (file: NormaliseFile): NormaliseTables => ({
  months: mapOf(file.months),
  titles: mapOf(file.titles),
  abbreviations: mapOf(file.abbreviations),
  units: mapOf(file.units),
  symbols: mapOf(file.symbols),
  currency: mapOf(file.currency),
  romanCardinal: file.roman_cardinal,
  romanOrdinal: file.roman_ordinal
})

/**
 * Loads what both accents need.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadShared = (read: ReadFile): SharedTables => ({
  normalise: normaliseTables(parse(read, "normalize.json")),
  exceptions: mapOf(parse<Table<ReadonlyArray<string>>>(read, "tokenizer_exceptions.json")),
  tagger: TaggerFile.parse(gunzipSync(read("tagger.json.gz"))),
  ids: mapOf(parse<Table<number>>(read, "vocab.json"))
})

interface LettersFile {
  readonly in: ReadonlyArray<string>
  readonly out: ReadonlyArray<string>
  readonly maxlen: number
}

/**
 * Loads what one accent needs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadAccent = (read: ReadFile, accent: Accent): AccentTables => {
  const files = accentFiles[accent]
  const gold = new Map<string, Entry>()
  for (const [word, entry] of Object.entries(parse<Table<string | Table<string | null>>>(read, files.gold))) {
    gold.set(word, typeof entry === "string" ? entry : mapOf(entry))
  }
  const letters = parse<LettersFile>(read, files.letters)
  return {
    lexicon: {
      british: accent === "british",
      gold,
      silver: mapOf(parse<Table<string>>(read, files.silver))
    },
    letters: {
      input: new Map(letters.in.map((sign, i) => [sign, i + 1])),
      output: letters.out,
      longest: letters.maxlen
    }
  }
}
