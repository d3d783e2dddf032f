/**
 * Converts symbols, addresses and abbreviations to words. Pure and incremental.
 *
 * @since 0.1.0
 */
import { english, type SpokenWords } from "./SpokenWords.ts"
import { fromReader, type TextTransform } from "./TextTransform.ts"

/** A longer word is read in parts. */
const LOOK = 96

/** Names without a scheme are addresses if they end in one of these. */
const topLevel = new Set(
  ("com org net edu gov int info biz io dev ai app co uk de fr nl eu ca au ch at be se dk fi pl cz es pt jp cn br tv xyz " +
    "online site store shop cloud tech blog page").split(" ")
)

const unspaced = /[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u2E80-\u9FFF\uF900-\uFAFF\uFF00-\uFFEF]/u
const notable = /[&%°℃℉№@~≈<>\\/:.–→⇒-]/u
const opening = /^[("'“‘«[{<]+/u
const closing = /[.,;:!?'"’”»)\]}>…]+$/u
const email = /^(?:mailto:)?([\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,})$/iu
const scheme = /^(?:[a-z][a-z0-9+.-]*:\/\/|www\.)/iu
const domain = /^[a-z0-9][a-z0-9.-]*\.([a-z]{2,6})(?::\d{1,5})?(?:[/?#]|$)/u
const emoticon = /^[:;=]['-]?[)(DPpOo/|]$/u
const abbreviation = /^(e\.g|i\.e|vs)(?:\.|$)$/iu

const makeSpeak = (words: SpokenWords) => {
  const spell = (text: string): string =>
    text
      .replace(/\./gu, ` ${words.dot} `)
      .replace(/-/gu, ` ${words.dash} `)
      .replace(/_/gu, ` ${words.underscore} `)
      .replace(/\+/gu, ` ${words.plus} `)
      .replace(/@/gu, ` ${words.at} `)

  /** The host, and the path if it is short; query and password are left out. */
  const address = (text: string): string => {
    const bare = text.replace(/^[a-z][a-z0-9+.-]*:\/\//iu, "").replace(/^[^/?#]*@/u, "").replace(/^www\./iu, "")
    const [, host = "", port, path = ""] = /^([^/?#:]*)(?::(\d+))?([^?#]*)/u.exec(bare) ?? []
    const parts = path.split("/").filter((part) => part !== "")
    const short = parts.length <= 2 && path.length <= 30 && parts.every((part) => /^[\p{L}\p{N}._-]+$/u.test(part)) &&
      !/\d{5}|[\da-f]{8}/iu.test(path)
    return [
      spell(host),
      port === undefined ? "" : `${words.port} ${port}`,
      ...(short ? parts.map((part) => `${words.slash} ${spell(part)}`) : [])
    ].filter((part) => part !== "").join(" ")
  }

  const signs = (word: string): string =>
    word
      // "<" without a tag
      .replace(/<\/[^<>]*>/gu, " ")
      .replace(/<(\p{L}[^<>]*)>/gu, " $1 ")
      .replace(/&+/gu, ` ${words.and} `)
      .replace(/(^|\d)%/gu, `$1 ${words.percent}`)
      .replace(/°C\b|℃/gu, ` ${words.degrees} ${words.celsius}`)
      .replace(/°F\b|℉/gu, ` ${words.degrees} ${words.fahrenheit}`)
      .replace(/°/gu, ` ${words.degrees} `)
      .replace(/№/gu, `${words.number} `)
      .replace(/[-=]>|→|⇒/gu, ", ")
      .replace(/[~≈](?=\s*\d)/gu, `${words.about} `)
      .replace(/(\d)–(?=\d)/gu, `$1 ${words.to} `)
      .replace(/^--$|(?<=\p{L})--(?=\p{L})/gu, "—")
      .replace(/(^(?=<(?:$|\d|=))|[\p{L}\p{N})])<(?=$|[\p{L}\p{N}=-])/gu, (_, before) => `${before} ${words.lessThan} `)
      .replace(/^>(?=$|\d|=)|(?<=[\p{L}\p{N})])>(?=[\p{L}\p{N}])/gu, ` ${words.moreThan} `)
      .replace(/[<>\\]+/gu, " ")
      .replace(/^@(?=\w)/u, `${words.at} `)

  return (word: string): string => {
    if (!notable.test(word)) return word
    if (emoticon.test(word)) return ""
    const before = opening.exec(word)?.[0] ?? ""
    const whole = word.slice(before.length)
    let after = closing.exec(whole)?.[0] ?? ""
    let core = whole.slice(0, whole.length - after.length)
    // "https://x.org/a_(b)"
    if (after.startsWith(")") && core.includes("/") && core.includes("(")) {
      core += ")"
      after = after.slice(1)
    }
    // the marks around an address are not spoken
    const around = (spoken: string) => before.replace(/</gu, "") + spoken + after.replace(/>/gu, "")
    const mail = email.exec(core)?.[1]
    if (mail !== undefined) return around(spell(mail))
    const named = domain.exec(core)?.[1]
    if (scheme.test(core) || (named !== undefined && topLevel.has(named))) return around(address(core))
    const at = core.search(/[a-z][a-z0-9+.-]{1,9}:\/\//iu)
    if (at > 0) return around(`${signs(core.slice(0, at))} ${address(core.slice(at))}`)
    const short = abbreviation.exec(core)?.[1]
    if (short !== undefined && (after.startsWith(".") || /^[ei]/iu.test(short))) {
      const kind = short.charAt(0).toLowerCase()
      const said = kind === "e" ? words.forExample : kind === "i" ? words.thatIs : words.versus
      const cased = /\p{Lu}/u.test(short) ? said.charAt(0).toUpperCase() + said.slice(1) : said
      return before + cased + after.replace(/^\./u, "")
    }
    return signs(word)
  }
}

/**
 * Converts symbols ("&", "%", "°C") to words, reads addresses out ("example dot com slash docs"), and expands "e.g.", "i.e." and
 * "vs.". Numbers and amounts of money are left to the voice. It holds back one word, at most 96 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const symbols = (options: { readonly words?: Partial<SpokenWords> | undefined } = {}): TextTransform => {
  const speak = makeSpeak({ ...english, ...options.words })
  return fromReader(() => {
    // the rest of a long address
    let skip = false
    return {
      step: (text, at, final, emit) => {
        const limit = at + LOOK
        let end = at
        while (end < text.length && end < limit && !/\s/u.test(text.charAt(end)) && !unspaced.test(text.charAt(end))) {
          end++
        }
        if (end === at) {
          skip = false
          emit(text.charAt(at))
          return at + 1
        }
        if (end === text.length && end < limit && !final) return at
        if (end === limit && /[\uD800-\uDBFF]/u.test(text.charAt(end - 1))) end--
        const word = text.slice(at, end)
        if (!skip) emit(speak(word))
        skip = end >= limit - 1 && (skip || /:\/\/|www\.|^data:/iu.test(word))
        return end
      }
    }
  })
}
