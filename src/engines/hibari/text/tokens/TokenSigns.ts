/**
 * The signs that stand before, after and within words, and how long a sign at either end of a chunk is.
 *
 * @since 0.1.0
 */
import { anyOf, isPairAt, LOWER, UPPER } from "../CharacterClasses.ts"

const PUNCT = [..."…,:;!?¿¡()[]{}<>_#&。？！，、；：～·*"]
const QUOTE = [..."'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉"]
const ICON = [..."™®©°§¶†‡•"]
const CURRENCY = [..."$£€¥฿", "US$", "C$", "A$", ..."₽₹₩₪₺₴₦₫₱₲₵₸₼₾₿"]
const UNITS =
  ("km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa " +
    "mbar mb MB kb KB gb GB tb TB T G M K %").split(" ")

/** The quotes, for the inside of a character class. */
export const QUOTES = QUOTE.join("")
/** The icons, for the inside of a character class. */
export const ICONS = ICON.join("")

const dots = /^\.{2,}/u
const prefix = new RegExp(
  `^(?:${["[§%=—–]", "\\+(?![0-9])", anyOf([...PUNCT, ...QUOTE, ...CURRENCY, ...ICON])].join("|")})`,
  "u"
)

/**
 * The length of the sign that a chunk begins with, 0 if none: all full stops of two or more, or one sign.
 *
 * @category parsing
 * @since 0.1.0
 */
export const prefixLength = (text: string): number =>
  (text.startsWith("..") ? dots.exec(text) : prefix.exec(text.slice(0, 4)))?.[0].length ?? 0

/** The longest suffix but full stops. */
const LONGEST = 4
const alone = new Set([...PUNCT, ...QUOTE, ...ICON, "'s", "'S", "’s", "’S", "—", "–"])
const afterDigit = new Set(["+", ...CURRENCY, ...UNITS])
const digitBefore = /[0-9]$/u
/** What a full stop that ends a sentence follows. */
const stopAfter = new RegExp(
  `(?:°[FfCcKk]|[0-9${LOWER}%²+-]|${anyOf([...PUNCT, ...QUOTE])}|[${UPPER}]{2})$`,
  "u"
)

const isSuffix = (suffix: string, before: string): boolean =>
  alone.has(suffix) || (afterDigit.has(suffix) && digitBefore.test(before)) ||
  (suffix === "." && stopAfter.test(before))

/**
 * The length of the sign that a chunk ends with, 0 if none: the longest that fits. What it follows is looked for from an
 * offset on.
 *
 * @category parsing
 * @since 0.1.0
 */
export const suffixLength = (text: string, from: number): number => {
  let stops = 0
  while (stops < text.length - from && text[text.length - 1 - stops] === ".") stops++
  if (stops > 1) return stops
  for (let length = Math.min(LONGEST, text.length - from); length > 0; length--) {
    const at = text.length - length
    if (at > 0 && isPairAt(text, at - 1)) continue
    if (isSuffix(text.slice(at), text.slice(Math.max(from, at - 2), at))) return length
  }
  return 0
}
