/**
 * The ends of what stands in brackets: links and images, citations, marks of chat templates. Pure.
 *
 * @since 0.1.0
 */
import { MAX_LOOKAHEAD, MORE, NONE } from "../Lookahead.ts"

/**
 * Where the target of a link ends. `isCut`: the address is longer than is looked ahead, and goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkTarget {
  readonly end: number
  readonly isCut: boolean
}

/** The most characters of a citation or a mark. */
const MAX_MARK = 24

/**
 * The end of the "(address)" or the "[label]" that follows the text of a link.
 *
 * @category decoding
 * @since 0.1.0
 */
export const targetAt = (text: string, at: number, final: boolean): LinkTarget | typeof MORE | typeof NONE => {
  const opening = text.charAt(at)
  return opening === "(" ? addressAt(text, at, final) : opening === "[" ? labelAt(text, at, final) : NONE
}

const addressAt = (text: string, at: number, final: boolean): LinkTarget | typeof MORE | typeof NONE => {
  const limit = at + MAX_LOOKAHEAD
  let depth = 0
  for (let i = at; i < text.length; i++) {
    if (i >= limit) return { end: i, isCut: true }
    const char = text.charAt(i)
    if (char === "(") depth++
    if (char === ")" && --depth === 0) return { end: i + 1, isCut: false }
    if (!/^\s$/u.test(char)) continue
    const rest = text.slice(i, limit)
    const title = /^\s+(?:(["'])[^"'\n]*\1\s*)?\)/u.exec(rest)?.[0]
    if (title !== undefined) return { end: i + title.length, isCut: false }
    const open = /^\s+(?:(["'])[^"'\n]*(?:\1\s*)?)?$/u.test(rest)
    return open && text.length < limit && !final ? MORE : NONE
  }
  return final ? { end: text.length, isCut: false } : MORE
}

const labelAt = (text: string, at: number, final: boolean): LinkTarget | typeof MORE | typeof NONE => {
  const label = /^\[[^\]\n[]*\]?/u.exec(text.slice(at, at + MAX_LOOKAHEAD))?.[0] ?? ""
  if (label.endsWith("]")) return { end: at + label.length, isCut: false }
  return at + label.length === text.length && label.length < MAX_LOOKAHEAD && !final ? MORE : NONE
}

/**
 * The end of the mark of a chat template: "[INST]" or "[/INST]".
 *
 * @category decoding
 * @since 0.1.0
 */
export const templateMarkEnd = (text: string, at: number, final: boolean): number => {
  const ahead = text.slice(at, at + MAX_MARK)
  const mark = /^\[(?:\/[A-Za-z_]{1,20}|INST|SYS)\]/u.exec(ahead)?.[0]
  if (mark !== undefined) return at + mark.length
  return /^\[(?:\/[A-Za-z_]{0,20}|I(?:N(?:ST?)?)?|S(?:YS?)?)$/u.test(ahead) && !final ? MORE : NONE
}

/**
 * The end of a citation, "[1]" or "[^note]".
 *
 * @category decoding
 * @since 0.1.0
 */
export const citationEnd = (text: string, at: number, final: boolean): number => {
  const ahead = text.slice(at, at + MAX_MARK)
  const cited = /^\[(?:\^[^\]\s[]{1,20}|[1-9]\d{0,2}(?:, ?\d{1,3}){0,3})\]/u.exec(ahead)?.[0]
  if (cited !== undefined) return at + cited.length
  return /^\[(?:\^[^\]\s[]*|[\d, ]*)$/u.test(ahead) && text.length - at < MAX_MARK && !final ? MORE : NONE
}
