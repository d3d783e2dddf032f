/**
 * Makes the items of a line from its tagged tokens: what signs say is decided here, and what is joined.
 *
 * @since 0.1.0
 */
import { isAlpha } from "../CharacterClasses.ts"
import { subTokens } from "../tokens/SubTokens.ts"
import type { TaggedToken } from "../tokens/TaggedLine.ts"
import type { Currency } from "./LexiconNumber.ts"
import * as WordItem from "./WordItem.ts"

/** Tags of tokens that are punctuation. */
const punctuation = new Set([".", ",", "-LRB-", "-RRB-", "``", "\"\"", "''", ":", "$", "#", "NFP"])
const byTag = new Map([["-LRB-", "("], ["-RRB-", ")"], ["``", "“"], ["\"\"", "”"], ["''", "”"]])
/** The punctuation that the network knows. */
const unknownPunctuation = /[^;:,.!?—…"“”]/gu

const isCurrency = (text: string): text is Currency => text === "$" || text === "£" || text === "€"

const lastSign = (text: string | undefined) => Array.from(text ?? "").at(-1) ?? ""
const firstSign = (text: string | undefined) => Array.from((text ?? "").slice(0, 2))[0] ?? ""

/** What a token of punctuation sounds like; `undefined` for any other. */
const punctuationOf = (text: string, tag: string): string | undefined => {
  if (tag === ":" && (text === "-" || text === "–")) return "—"
  if (!punctuation.has(tag) || /^[A-Za-z]+$/u.test(text)) return undefined
  return byTag.get(tag) ?? text.replace(unknownPunctuation, "")
}

/**
 * The items of a line in order; those in a list are joined without space.
 *
 * @category constructors
 * @since 0.1.0
 */
export const itemsOf = (tokens: ReadonlyArray<TaggedToken>): ReadonlyArray<ReadonlyArray<WordItem.WordItem>> => {
  const groups: Array<Array<WordItem.WordItem>> = []
  let currency: Currency | undefined
  /** The group that the next item may join. */
  let open: Array<WordItem.WordItem> | undefined

  const add = (item: WordItem.WordItem) => {
    const isReady = item.phonemes !== undefined || item.alias !== undefined
    if (!isReady && open !== undefined && !open.at(-1)!.space) {
      item.isHead = false
      open.push(item)
      return
    }
    const group = [item]
    groups.push(group)
    open = isReady || item.space ? undefined : group
  }

  tokens.forEach((token, index) => {
    const { origin, space, tag } = token
    if (token.phonemes !== undefined) {
      add({ ...WordItem.make(token.text, tag, space, origin), phonemes: token.phonemes })
      return
    }
    const parts = subTokens(token.text)
    parts.forEach(({ offset, text }, i) => {
      const isLast = i === parts.length - 1
      const item = WordItem.make(text, tag, isLast && space, origin + offset)
      const sound = punctuationOf(text, tag)
      if (tag === "$" && isCurrency(text)) {
        currency = text
        item.phonemes = ""
      } else if (sound !== undefined) item.phonemes = sound
      else if (currency !== undefined) {
        if (tag !== "CD") currency = undefined
        else if (isLast && tokens[index + 1]?.tag !== "CD") item.currency = currency
      } else if (
        i > 0 && !isLast && text === "2" && isAlpha(lastSign(parts[i - 1]?.text) + firstSign(parts[i + 1]?.text))
      ) item.alias = "to"
      add(item)
    })
  })
  return groups
}
