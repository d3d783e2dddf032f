/**
 * The sign of degrees where it stands for that of an ordinal: Italian "1° maggio", "il 3° piano", Spanish "1° de mayo". Pure.
 *
 * @since 0.1.0
 */
import { MORE } from "../Lookahead.ts"
import { derived } from "../TextWords.ts"

const written = /^[("'“‘«]?(?:[lL]['’])?\d{1,3}°$/u
const first = /^[("'“‘«]?1°$/u
/** How far the next word is looked for, in characters. */
const MAX_NEXT = 24

interface Rules {
  /** The articles of a singular noun. */
  readonly articles: RegExp
  /** What follows degrees of a temperature, an angle or a place. */
  readonly degrees: RegExp
}

const byLanguage: { readonly [language: string]: Rules } = {
  it: {
    articles: /^(?:il|lo|al|allo|del|dello|nel|nello|dal|dallo|sul|un|questo|ogni|mio|tuo|suo)$|['’]$/iu,
    degrees: /^(?:di|sotto|sopra|in|a|al|all|e|o|c|f|celsius|fahrenheit|centigradi|nord|sud|est|ovest|n|s|w)$/iu
  },
  es: {
    articles: /^(?:el|al|del|un|este|cada|su|mi)$/iu,
    degrees: /^(?:bajo|sobre|en|a|al|y|o|c|f|celsius|fahrenheit|centígrados|norte|sur|este|oeste|n|s|w)$/iu
  },
  pt: {
    articles: /^(?:o|ao|do|no|um|pelo|este|cada|seu|meu)$/iu,
    degrees: /^(?:abaixo|acima|em|a|ao|e|ou|c|f|celsius|fahrenheit|centígrados|norte|sul|leste|oeste|n|s|w)$/iu
  }
}

/**
 * Finds whether the word that ends at `end` is an ordinal, and writes it with the sign of one; `MORE` when the next word is
 * needed. Of languages that do not write so, and of any other word: `undefined`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ordinalDegrees = derived(({ language }) => {
  const rules = byLanguage[language?.tag.split("-", 1)[0] ?? ""]
  if (rules === undefined) return () => undefined
  return (
    word: string,
    before: string,
    text: string,
    end: number,
    final: boolean
  ): string | typeof MORE | undefined => {
    if (!written.test(word)) return undefined
    const rest = text.slice(end, end + MAX_NEXT)
    const [whole, next = ""] = /^[ \u00a0]*(\p{L}*)/u.exec(rest) ?? [""]
    if (whole.length === rest.length && whole.length < MAX_NEXT && !final) return MORE
    const isCounted = rules.articles.test(before) || /['’]/u.test(word)
    return (isCounted || (first.test(word) && next !== "")) && !rules.degrees.test(next)
      ? word.replace("°", "º")
      : undefined
  }
})
