/**
 * Addresses in a text, read out: e-mail, URLs, names of hosts, paths of files. Pure.
 *
 * @since 0.1.0
 */
import type { SpokenWords } from "../language/TextLanguage.ts"

/** Names without a scheme are addresses if they end in one of these. */
const topLevel = new Set(
  ("com org net edu gov int info biz io dev ai app co uk de fr nl eu ca au ch at be se dk fi pl cz es it pt br mx ar pt jp " +
    "cn tv us fm ly gg nz ie za kr hk sg hu ro ru ua tr xyz online site store shop cloud tech blog page").split(" ")
)

const email = /^(?:mailto:)?([\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,})$/iu
const scheme = /^(?:[a-z][a-z0-9+.-]*:\/\/|www\.)/iu
const domain = /^[a-z0-9][a-z0-9.-]*\.([a-z]{2,6})(?::\d{1,5})?(?:[/?#]|$)/u
/** "/etc/hosts", "~/x", "./a", "src/index.ts"; not "and/or", "24/7", "km/h". */
const path =
  /^(?:~|\.{0,2})\/[\p{L}\p{N}._~@+-]+(?:\/[\p{L}\p{N}._~@+-]*)*$|^[\p{L}\p{N}._~@+-]+(?:\/[\p{L}\p{N}._~@+-]+)*\/[\p{L}\p{N}_@+-]*\.\p{L}[\p{L}\p{N}]{0,4}$/u
const windowsPath = /^(?:\p{L}:|\\)\\\S*$/u

/**
 * Reads an address out; `undefined` for anything else. A URL is its host, and its path if that is short.
 *
 * @category models
 * @since 0.1.0
 */
export type SayAddress = (text: string) => string | undefined

const hasWords = (words: Partial<SpokenWords>): words is SpokenWords =>
  words.dot !== undefined && words.at !== undefined && words.slash !== undefined

/**
 * Makes the function for a language; without its words every address stays as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (words: Partial<SpokenWords>): SayAddress => {
  if (!hasWords(words)) return () => undefined
  const spell = (text: string): string =>
    text
      .replace(/\./gu, ` ${words.dot} `)
      .replace(/-/gu, ` ${words.dash} `)
      .replace(/_/gu, ` ${words.underscore} `)
      .replace(/\+/gu, ` ${words.plus} `)
      .replace(/@/gu, ` ${words.at} `)
      .replace(/~/gu, ` ${words.tilde} `)

  const url = (text: string): string => {
    const bare = text.replace(/^[a-z][a-z0-9+.-]*:\/\//iu, "").replace(/^[^/?#]*@/u, "").replace(/^www\./iu, "")
    const [, host = "", port, rest = ""] = /^([^/?#:]*)(?::(\d+))?([^?#]*)/u.exec(bare) ?? []
    const parts = rest.split("/").filter((part) => part !== "")
    const short = parts.length <= 2 && rest.length <= 30 && parts.every((part) => /^[\p{L}\p{N}._-]+$/u.test(part)) &&
      !/\d{5}|[\da-f]{8}/iu.test(rest)
    return [
      spell(host),
      port === undefined ? "" : `${words.port} ${port}`,
      ...(short ? parts.map((part) => `${words.slash} ${spell(part)}`) : [])
    ].filter((part) => part !== "").join(" ")
  }

  return (text) => {
    const mail = email.exec(text)?.[1]
    if (mail !== undefined) return spell(mail)
    const named = domain.exec(text)?.[1]
    if (scheme.test(text) || (named !== undefined && topLevel.has(named))) return url(text)
    if (path.test(text)) return text.split("/").map(spell).join(` ${words.slash} `)
    if (windowsPath.test(text)) {
      return text.replace(/:/gu, ` ${words.colon} `).split(/\\+/u).map(spell).join(` ${words.backslash} `)
    }
    const at = text.search(/[a-z][a-z0-9+.-]{1,9}:\/\//iu)
    return at > 0 ? `${text.slice(0, at)} ${url(text.slice(at))}` : undefined
  }
}
