/**
 * Reads what the lexicon does not: numbers and signs by rule, unknown words by the letter network.
 *
 * @since 0.1.0
 */
import { asciiDigits, D, isAlpha, LET, startsWithDigit, W, WS } from "../CharacterClasses.ts"
import type { Lexicon } from "./Lexicon.ts"
import * as LexiconNumber from "./LexiconNumber.ts"

const pieces = new RegExp(
  `[${LET}]+(?:['’][${LET}]+)*|[${D}]+(?:[,.][${D}]+)*|[^${W}${WS}]+`,
  "gu"
)

const signs = new Map([
  ["/", "slˈæʃ"],
  ["=", "ˈikwᵊlz"],
  ["+", "plˈʌs"],
  ["&", "ænd"],
  ["@", "æt"],
  ["%", "pəɹsˈɛnt"],
  ["#", "hˈæʃ"],
  ["*", "ˈæstəɹˌɪsk"],
  ["~", "tˈɪldə"],
  ["^", "kˈɛɹət"],
  ["<", "lˈɛs ðən"],
  [">", "ɡɹˈATəɹ ðən"],
  ["—", "—"]
])

/**
 * The phonemes of any text; `""` for what has no sound.
 *
 * @category conversions
 * @since 0.1.0
 */
export const read = (lexicon: Lexicon, text: string, unknownWord: (word: string) => string): string =>
  Array.from(text.matchAll(pieces), ([piece]) => {
    if (startsWithDigit(piece)) return LexiconNumber.read(lexicon, asciiDigits(piece), undefined, false) ?? ""
    if (isAlpha(String.fromCodePoint(piece.codePointAt(0) ?? 0))) return unknownWord(piece)
    return Array.from(piece, (sign) => signs.get(sign) ?? "").join("")
  }).filter((said) => said !== "").join(" ")
