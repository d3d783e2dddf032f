/**
 * Stage directions in Markdown ("[laughs]", "(sighs)", "*laughs*"), and tags that are kept. Pure.
 *
 * @since 0.1.0
 */
import { MORE, NONE } from "../Lookahead.ts"
import type { Tag } from "../tags/HtmlTag.ts"
import * as SpeechTags from "../tags/SpeechTags.ts"

/** The content of an element that is kept as it is, and of a stage direction: at most so many characters. */
const MAX_CONTENT = 120
const MAX_CUE = 40

/**
 * A part of the text that is markup, and what stands for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replaced {
  readonly end: number
  readonly by: string
}

/**
 * The tag that is kept, encoded; with its content, where the voice reads that in its own way. `MORE` when that is undecided.
 *
 * @category accessors
 * @since 0.1.0
 */
export const keptTag = (text: string, at: number, final: boolean, { end, kind, name }: Tag): Replaced | typeof MORE => {
  let until = end
  if (kind === "start" && SpeechTags.verbatim.has(name)) {
    const rest = text.slice(end, end + MAX_CONTENT).toLowerCase()
    const close = rest.indexOf(`</${name}>`)
    if (close !== -1) until = end + close + name.length + 3
    else if (rest.length < MAX_CONTENT && !rest.includes("\n") && !final) return MORE
  }
  return { end: until, by: SpeechTags.encode(text.slice(at, until)) }
}

/**
 * The stage direction in brackets or parentheses at `at`: encoded for a voice that knows it, else left out. `NONE` if there is
 * none, `MORE` if that is undecided.
 *
 * @category accessors
 * @since 0.1.0
 */
export const cueAt = (
  text: string,
  at: number,
  final: boolean,
  tags: SpeechTags.TagSet
): Replaced | typeof NONE | typeof MORE => {
  const line = text.slice(at, at + MAX_CUE)
  const close = line.charAt(0) === "[" ? "]" : ")"
  const length = /^.\p{L}[\p{L}\p{N} ,.'’:-]*/u.exec(line)?.[0].length ?? 0
  // most brackets are none, and pass at once
  const first = /^.(\p{L}+)(?=[^\p{L}])/u.exec(line)?.[1]
  const mayBegin = first === undefined || SpeechTags.mayBeginCue(first) || (close === "]" && SpeechTags.isManner(first))
  if (!mayBegin && (close === ")" || tags.none)) return NONE
  const isOpen = length === line.length || (length === 0 && line.length === 1)
  if (isOpen && line.length < MAX_CUE && !final) return MORE
  if (line.charAt(length) !== close || length === 0) return NONE
  const content = line.slice(1, length)
  const end = at + length + 1
  const next = text.charAt(end)
  if (close === "]" && next === "" && !final) return MORE
  // "[text](address)" is a link
  if (close === "]" && /[([]/u.test(next)) return NONE
  if (close === "]" && tags.cue(content)) return { end, by: SpeechTags.encode(line.slice(0, length + 1)) }
  return SpeechTags.isCue(content) || (close === "]" && SpeechTags.isManner(content)) ? { end, by: "" } : NONE
}

/**
 * The end of a stage direction between asterisks or underscores at the start or the end of a sentence, "*laughs*". `last`: the
 * last character before it on its line.
 *
 * @category accessors
 * @since 0.1.0
 */
export const emphasisedCueEnd = (text: string, at: number, final: boolean, last: string): number => {
  const mark = text.charAt(at)
  if ((mark !== "*" && mark !== "_") || !/^[.!?…,]?$/u.test(last)) return NONE
  const line = text.slice(at, at + MAX_CUE)
  const marks = line.charAt(1) === mark ? 2 : 1
  const length = /^[*_]{1,2}\p{L}[\p{L} ,'’]*/u.exec(line)?.[0].length ?? 0
  if (length === 0) return NONE
  const end = length + marks
  if (end >= line.length && line.length < MAX_CUE && !final && /^[*_]*$/u.test(line.slice(length))) return MORE
  return line.slice(length, end) === mark.repeat(marks) && line.charAt(end) !== mark &&
      SpeechTags.isCue(line.slice(marks, length))
    ? at + end
    : NONE
}

/**
 * The end of what can be skipped in the content of an element such as a script; `NONE` at its end tag.
 *
 * @category accessors
 * @since 0.1.0
 */
export const skippedEnd = (text: string, at: number, final: boolean, name: string): number => {
  const next = text.indexOf("<", at)
  if (next === -1) return text.length
  if (next > at) return next
  const end = `</${name}`
  const here = text.slice(at, at + end.length).toLowerCase()
  if (here === end) return NONE
  return end.startsWith(here) && !final ? MORE : at + 1
}
