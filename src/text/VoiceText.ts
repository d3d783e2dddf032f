/**
 * A sentence as one voice gets it: with the tags that it understands, with pronunciations, and with numbers as words if it
 * does not read them itself; and how that belongs to the sentence as it is written. Pure.
 *
 * @since 0.1.0
 */
import { spokenOffset } from "./language/ExpandedText.ts"
import { expandNumbers } from "./language/ExpandNumbers.ts"
import { sayWord } from "./signs/SpokenSymbols.ts"
import { tagAt } from "./tags/HtmlTag.ts"
import * as SpeechTags from "./tags/SpeechTags.ts"
import type { TextWords } from "./TextWords.ts"

/**
 * - `context`: the language of the text.
 * - `kept`: the tags that were kept for any of the voices. They are not part of the written text.
 * - `understood`: the tags that this voice understands.
 * - `pronounce`: finds pronunciations.
 * - `saysSigns`: whether signs are still to be said as words.
 * - `expandsNumbers`: whether numbers are said as words.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceTextOptions {
  readonly context: TextWords
  readonly kept: SpeechTags.TagSet
  readonly understood: SpeechTags.TagSet
  readonly pronounce: Pronounce | undefined
  readonly saysSigns: boolean
  readonly expandsNumbers: boolean
}

/**
 * - `written`: the sentence without tags, for transcript and history.
 * - `spoken`: what the voice gets.
 * - `plain`: that without tags.
 * - `ends`: for each word of `written`, where it ends in `plain`.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceText {
  readonly written: string
  readonly spoken: string
  readonly plain: string
  readonly ends: ReadonlyArray<number>
}

/**
 * Finds the first pronunciation at or after a place.
 *
 * @category models
 * @since 0.1.0
 */
export type Pronounce = (
  text: string,
  from: number
) => { readonly start: number; readonly end: number; readonly said: string } | undefined

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\/-]/gu, "\\$&")

/**
 * Finds whole words and phrases, whatever their case, the longest first; `undefined` without entries.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pronouncer = (entries: { readonly [written: string]: string }): Pronounce | undefined => {
  const said = new Map<string, string>()
  for (const [written, spoken] of Object.entries(entries)) {
    const key = written.trim().toLowerCase()
    if (key !== "") said.set(key, spoken)
  }
  if (said.size === 0) return undefined
  const phrases = [...said.keys()].sort((a, b) => b.length - a.length).map((phrase) => {
    const starts = /^[\p{L}\p{N}\p{M}_]/u.test(phrase) ? "(?<![\\p{L}\\p{N}\\p{M}_])" : ""
    const ends = /[\p{L}\p{N}\p{M}_]$/u.test(phrase) ? "(?![\\p{L}\\p{N}\\p{M}_])" : ""
    return `${starts}${escape(phrase)}${ends}`
  })
  const pattern = new RegExp(phrases.join("|"), "giu")
  return (text, from) => {
    pattern.lastIndex = from
    const match = pattern.exec(text)
    const spoken = match === null ? undefined : said.get(match[0].toLowerCase())
    return match === null || spoken === undefined
      ? undefined
      : { start: match.index, end: match.index + match[0].length, said: spoken }
  }
}

/** Part of a sentence: text to convert, text that stays as it is, or a tag. */
interface Part {
  readonly kind: "text" | "verbatim" | "tag"
  text: string
}

const cue = /^\[([^[\]<>\n]{1,60})\]/u

/** Cuts a sentence at its tags. */
const partsOf = (sentence: string, { kept, understood }: VoiceTextOptions): ReadonlyArray<Part> => {
  if (kept.none || !/[<[]/u.test(sentence)) return [{ kind: "text", text: sentence }]
  const parts: Array<Part> = []
  let from = 0
  let open: string | undefined
  const text = (to: number) => {
    if (to > from) parts.push({ kind: open === undefined ? "text" : "verbatim", text: sentence.slice(from, to) })
  }
  const mark = /[<[]/gu
  for (let match = mark.exec(sentence); match !== null; match = mark.exec(sentence)) {
    const at = match.index
    if (match[0] === "[") {
      const found = cue.exec(sentence.slice(at, at + 64))
      if (found === null || open !== undefined || !kept.cue(found[1] ?? "")) continue
      text(at)
      from = at + found[0].length
      if (understood.cue(found[1] ?? "")) parts.push({ kind: "tag", text: found[0] })
      else drop(parts, sentence, from)
    } else {
      const tag = tagAt(sentence, at, true, kept.element, false)
      if (typeof tag === "number" || !kept.element(tag.name)) continue
      text(at)
      from = tag.end
      if (SpeechTags.verbatim.has(tag.name)) open = tag.kind === "start" ? tag.name : undefined
      if (understood.element(tag.name)) parts.push({ kind: "tag", text: sentence.slice(at, tag.end) })
      else drop(parts, sentence, from)
    }
    mark.lastIndex = from
  }
  text(sentence.length)
  return parts
}

/** Nothing stands for a tag that is left out; the space before it goes with it where another follows. */
const drop = (parts: Array<Part>, sentence: string, end: number): void => {
  const last = parts.at(-1)
  if (last?.kind === "text" && /^(?:\s|[.,;:!?]|$)/u.test(sentence.slice(end, end + 1))) last.text = last.text.trimEnd()
}

/** Text that was converted, and the place in it that belongs to a place in the original. */
interface Converted {
  readonly text: string
  readonly place: (offset: number) => number
}

/** Converts the words of a text one by one. */
const convertWords = (text: string, say: (word: string, before: string) => string): Converted => {
  let out = ""
  let before = ""
  const ends: Array<readonly [written: number, spoken: number]> = []
  for (const match of text.matchAll(/(\s*)(\S+)/gu)) {
    const [, gap = "", word = ""] = match
    const said = say(word, before).trim().replace(/ {2,}/gu, " ")
    out += said === "" ? "" : gap + said
    before = word
    ends.push([match.index + match[0].length, out.length])
  }
  out += /\s*$/u.exec(text)?.[0] ?? ""
  return { text: out, place: (offset) => ends.find(([end]) => end >= offset)?.[1] ?? out.length }
}

const convert = (text: string, options: VoiceTextOptions): Converted => {
  const { context, expandsNumbers, saysSigns } = options
  const { language } = context
  const signs = saysSigns && language !== undefined ? convertWords(text, sayWord(context)) : undefined
  const signed = signs?.text ?? text
  if (!expandsNumbers || language === undefined) return signs ?? { text, place: (offset) => offset }
  const expanded = expandNumbers(signed, language)
  return {
    text: expanded.text,
    place: (offset) => spokenOffset(expanded, signs === undefined ? offset : signs.place(offset))
  }
}

/**
 * A sentence for a voice; `undefined` when the voice gets it as it is written.
 *
 * @category conversions
 * @since 0.1.0
 */
export const prepare = (sentence: string, options: VoiceTextOptions): VoiceText | undefined => {
  const { pronounce } = options
  let written = ""
  let plain = ""
  let spoken = ""
  let afterTag = false
  /** Where each run of the written text ends, and how it is placed in the plain one. */
  const runs: Array<{ readonly end: number; readonly place: (offset: number) => number }> = []
  const add = (text: string, { place, text: said }: Converted) => {
    // "Thanks [laughs]."
    if (afterTag && /^[.,;:!?]/u.test(text)) written = written.trimEnd()
    afterTag = false
    const [from, base] = [written.length, plain.length]
    written += text
    plain += said
    spoken += said
    runs.push({ end: written.length, place: (offset) => base + place(offset - from) })
  }
  const fixed = (said: string): Converted => ({ text: said, place: (offset) => offset === 0 ? 0 : said.length })
  for (const { kind, text } of partsOf(sentence, options)) {
    if (kind === "tag") {
      spoken += text
      afterTag = true
    } else if (kind === "verbatim") add(text, fixed(text))
    else {
      let from = 0
      for (let found = pronounce?.(text, 0); found !== undefined; found = pronounce?.(text, from)) {
        if (found.start > from) add(text.slice(from, found.start), convert(text.slice(from, found.start), options))
        add(text.slice(found.start, found.end), fixed(found.said))
        from = found.end
      }
      if (from < text.length) add(text.slice(from), convert(text.slice(from), options))
    }
  }
  if (written === sentence && spoken === sentence) return undefined
  const ends: Array<number> = []
  let run = 0
  for (const match of written.matchAll(/\S+/gu)) {
    const end = match.index + match[0].length
    while (run < runs.length - 1 && (runs[run]?.end ?? 0) < end) run++
    ends.push(Math.max(ends.at(-1) ?? 0, runs[run]?.place(end) ?? 0))
  }
  if (ends.length > 0) ends[ends.length - 1] = plain.length
  return {
    written: written.trim().replace(/\s{2,}/gu, " "),
    spoken: spoken.trim().replace(/ {2,}/gu, " "),
    plain,
    ends
  }
}
