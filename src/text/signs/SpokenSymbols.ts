/**
 * Converts signs, addresses and abbreviations to words. Pure and incremental.
 *
 * @since 0.1.0
 */
import { MORE } from "../Lookahead.ts"
import { fromReader, type TextTransform } from "../TextTransform.ts"
import { derived, type TextWords } from "../TextWords.ts"
import { ordinalDegrees } from "./OrdinalDegrees.ts"
import * as SpokenAddress from "./SpokenAddress.ts"
import * as SpokenSigns from "./SpokenSigns.ts"

/** A longer word is read in parts. */
const LOOK = 96
/** How much white space after an abbreviation is looked through. */
const MAX_GAP = 8

const unspaced = /[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u2E80-\u9FFF\uF900-\uFAFF\uFF00-\uFFEF]/u
const isAddressLike = /[@./\\]/u
const opening = /^[("'“‘«[{<]+/u
const closing = /[.,;:!?'"’”»)\]}>…]+$/u
const emoticon = /^(?:[:;=8xX]['’]?-?[)(DPpOo/|\]*]+|[xX]D+|\^_?\^|<\/?3+)$/u
/** "x <3" compares; "I <3 you" does not. */
const comparable = /^(?:[a-hj-z]|.*(?:\d|[\p{L}\d]\)))$/u
/** ":smile:", ":+1:" */
const emojiName = /^:(?:[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*|[+-]1):[.,;:!?)]*$/u

/**
 * Says one word, which has no white space; `before` is the word before it on its line.
 *
 * @category models
 * @since 0.1.0
 */
export type SayWord = (word: string, before: string) => string

/**
 * Makes the function that says the signs and the address in a word. A language that is not known leaves both as they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sayWord: (context: TextWords) => SayWord = derived((context) => {
  const signs = SpokenSigns.make(context)
  const address = SpokenAddress.make(context.words)
  const heart = context.language?.tag.startsWith("en") === true ? "love" : ""
  return (word, before) => {
    if (emojiName.test(word)) return ""
    if (emoticon.test(word) && !(word.startsWith("<") && comparable.test(before) && !emoticon.test(before))) {
      return word.startsWith("<3") && /\p{L}$/u.test(before) ? heart : ""
    }
    if (!isAddressLike.test(word)) return signs(word, before)
    const start = opening.exec(word)?.[0] ?? ""
    const whole = word.slice(start.length)
    let end = closing.exec(whole)?.[0] ?? ""
    let core = whole.slice(0, whole.length - end.length)
    // "https://x.org/a_(b)"
    if (end.startsWith(")") && core.includes("/") && core.includes("(")) {
      core += ")"
      end = end.slice(1)
    }
    const said = address(core)
    // the marks around an address are not spoken
    return said === undefined ? signs(word, before) : start.replace(/</gu, "") + said + end.replace(/>/gu, "")
  }
})

interface Expansion {
  readonly written: string
  readonly said: string
  /** It may end a sentence. */
  readonly isFinal: boolean
  /** It is one only before a number. */
  readonly isNumbered: boolean
}

/** The abbreviations that are said as words, by their first letter. */
const expansionsOf = derived(({ language, words }): ReadonlyMap<string, ReadonlyArray<Expansion>> => {
  const byFirst = new Map<string, Array<Expansion>>()
  if (language === undefined) return byFirst
  const own: { readonly [written: string]: string | undefined } = {
    "e.g.": words.forExample,
    "i.e.": words.thatIs,
    "vs.": words.versus
  }
  const all = [
    ...language.expansions.map((entry) => [...entry, false] as const),
    ...language.numbered.map((entry) => [...entry, true] as const)
  ]
  for (const [written, said, isNumbered] of all) {
    const first = written.charAt(0).toLowerCase()
    const expansion = {
      written,
      said: own[written] ?? said,
      isNumbered,
      isFinal: language.finalAbbreviations.includes(written.replace(/\.$/u, ""))
    }
    byFirst.set(first, [...byFirst.get(first) ?? [], expansion])
  }
  for (const list of byFirst.values()) list.sort((a, b) => b.written.length - a.written.length)
  return byFirst
})

/** What was found at the start of a word: where it ends, and what is said; `MORE` when more text is needed. */
type Found = { readonly end: number; readonly said: string } | "MORE" | undefined

const expansionAt = (
  byFirst: ReadonlyMap<string, ReadonlyArray<Expansion>>,
  text: string,
  at: number,
  final: boolean
): Found => {
  for (const { isFinal, isNumbered, said, written } of byFirst.get(text.charAt(at).toLowerCase()) ?? []) {
    // "e.g." may be written "E.g.", but "m." is no "M."
    const start = text.charAt(at)
    const here = written.charAt(0) === start.toLowerCase()
      ? start.toLowerCase() + text.slice(at + 1, at + written.length)
      : text.slice(at, at + written.length)
    if (here.length < written.length && !final && written.startsWith(here)) return "MORE"
    if (here !== written) continue
    const end = at + written.length
    const rest = text.slice(end, end + MAX_GAP)
    const gap = /^[^\S\n]*/u.exec(rest)?.[0].length ?? 0
    if (gap === rest.length && gap < MAX_GAP && !final) return "MORE"
    const isAtEnd = gap === rest.length ? gap < MAX_GAP : rest.charAt(gap) === "\n"
    if (isNumbered ? !/^[ \u00a0\u202f]?\d/u.test(rest) : /^[\p{L}\p{N}]/u.test(rest)) continue
    const ends = written.endsWith(".") &&
      (isAtEnd || (isFinal && /^\s+\p{Lu}/u.test(rest)))
    const cased = /^\p{Lu}/u.test(text.charAt(at)) ? said.charAt(0).toUpperCase() + said.slice(1) : said
    return { end, said: ends ? `${cased}.` : isNumbered && /^\d/u.test(rest) ? `${cased} ` : cased }
  }
  return undefined
}

/**
 * Converts signs ("&", "%", "°C", "≠") to words, reads addresses out ("example dot com slash docs"), and expands
 * abbreviations ("e.g."). Numbers and amounts of money are left to the voice. It holds back one word, at most 96 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const symbols = (context: TextWords): TextTransform => {
  const say = sayWord(context)
  const expansions = expansionsOf(context)
  const ordinalAt = ordinalDegrees(context)
  const isKnown = context.words.dot !== undefined
  return fromReader(() => {
    // the rest of a long address
    let skip = false
    let before = ""
    return {
      step: (text, at, final, emit) => {
        const limit = at + LOOK
        let end = at
        while (end < text.length && end < limit && !/\s/u.test(text.charAt(end)) && !unspaced.test(text.charAt(end))) {
          end++
        }
        if (end === at) {
          skip = false
          const char = text.charAt(at)
          if (char === "\n") before = ""
          emit(char)
          return at + 1
        }
        if (!skip && expansions.size > 0) {
          const start = opening.exec(text.slice(at, at + 8))?.[0] ?? ""
          const found = expansionAt(expansions, text, at + start.length, final)
          if (found === "MORE") return at
          if (found !== undefined) {
            before = found.said
            emit(start + found.said)
            return found.end
          }
        }
        if (end === text.length && end < limit && !final) return at
        if (end === limit && /[\uD800-\uDBFF]/u.test(text.charAt(end - 1))) end--
        const word = text.slice(at, end)
        const ordinal = skip ? undefined : ordinalAt(word, before, text, end, final)
        if (ordinal === MORE) return at
        if (ordinal !== undefined) {
          before = word
          emit(ordinal)
          return end
        }
        if (!skip) emit(say(word, before))
        before = word
        skip = isKnown && end >= limit - 1 && (skip || /:\/\/|www\.|^data:/iu.test(word))
        return end
      }
    }
  })
}
