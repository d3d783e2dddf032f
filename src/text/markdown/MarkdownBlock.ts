/**
 * The markup at the start of a line of Markdown: headings, lists, tables, fences, rules, quotes, link definitions. Pure.
 *
 * @since 0.1.0
 */
import { MAX_LOOKAHEAD, MORE, NONE } from "../Lookahead.ts"

/**
 * What kind of line it is. A heading, a list item and a table row end with a full stop when spoken.
 *
 * @category models
 * @since 0.1.0
 */
export type LineKind = "text" | "heading" | "item" | "row"

/**
 * A fence of a code block: its character, and how often it is repeated.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fence {
  readonly mark: string
  readonly length: number
}

/**
 * Markup that was found.
 *
 * - `end`: where it ends, `NONE` if the line's text begins here, or `MORE` if that is undecided.
 * - `kind`: the line's kind, if the markup decides it.
 * - `number`: the number of a list item.
 * - `fence`: the fence that opens a code block.
 * - `isEmptyLine`: the line ended here.
 *
 * @category models
 * @since 0.1.0
 */
export interface LineMarkup {
  readonly end: number
  readonly kind?: LineKind
  readonly number?: string
  readonly fence?: Fence
  readonly isEmptyLine?: boolean
}

const none: LineMarkup = { end: NONE }
const more: LineMarkup = { end: MORE }

/**
 * Finds the next piece of markup at the start of a line, at `at`. `kind` is the line's kind so far.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lineMarkup = (text: string, at: number, final: boolean, kind: LineKind): LineMarkup => {
  const rest = text.length - at
  const mayContinue = !final && rest < MAX_LOOKAHEAD
  const char = text.charAt(at)
  if (char === " " || char === "\t" || char === "\r") return { end: at + 1 }
  if (char === "\n") return { end: at + 1, kind: "text", isEmptyLine: true }
  const line = text.slice(at, at + MAX_LOOKAHEAD)
  // a horizontal rule, the underline of a heading, the second row of a table
  if (/[-=*_|:+]/u.test(char)) {
    const rule = /^[-=*_|:+ \t]+/u.exec(line)?.[0] ?? ""
    if (rule.length === rest && mayContinue) return more
    if (rule.length === MAX_LOOKAHEAD) return { end: at + MAX_LOOKAHEAD }
    if (rule.length === rest || /[\r\n]/u.test(line.charAt(rule.length))) return { end: at + rule.length }
  }
  if (char === ">") return { end: at + 1 }
  if (char === "|") return { end: at + 1, kind: "row" }
  if (char === "`" || char === "~") return fenceMarkup(line, at, rest, mayContinue)
  if (char === "#") {
    // "##Title", but not "#hashtag"
    const marks = /^(?:#{1,6}(?=[ \t\r\n])|#{2,6}(?=\p{L}))/u.exec(line)?.[0]
    if (marks !== undefined) return { end: at + marks.length, kind: "heading" }
    return /^#{1,6}$/u.test(line) && !final ? more : none
  }
  const bullet = /^(?:[-*+](?=[ \t])|[•·‣▪◦])/u.exec(line)?.[0] ?? ""
  if (bullet !== "") return { end: at + bullet.length, kind: "item" }
  if (/\d/u.test(char)) {
    const digits = /^(\d{1,3})[.)](?=[ \t])/u.exec(line)
    if (digits !== null) return { end: at + digits[0].length, kind: "item", number: digits[1] ?? "" }
    return /^\d{1,3}[.)]?$/u.test(line) && !final ? more : none
  }
  return char === "[" ? bracketMarkup(line, at, final, mayContinue, kind) : none
}

const fenceMarkup = (line: string, at: number, rest: number, mayContinue: boolean): LineMarkup => {
  const run = /^(?:`+|~+)/u.exec(line)?.[0].length ?? 0
  if (run === rest && mayContinue) return more
  if (run < 3) return none
  const info = /^[^\n`]*/u.exec(line.slice(run))?.[0].length ?? 0
  if (run + info === rest && mayContinue) return more
  const mark = line.charAt(0)
  return mark === "~" || line.charAt(run + info) !== "`" ? { end: at + run, fence: { mark, length: run } } : none
}

const bracketMarkup = (line: string, at: number, final: boolean, mayContinue: boolean, kind: LineKind): LineMarkup => {
  const checkbox = /^\[[ xX]\](?=\s)/u.exec(line)?.[0]
  if (checkbox !== undefined && kind === "item") return { end: at + checkbox.length }
  if (kind === "item" && /^\[(?:[ xX]\]?)?$/u.test(line) && !final) return more
  // "[1]: https://…" defines a link, which is not spoken; "[^1]: …" is a footnote, which is
  const label = /^\[(\^?)[^\]\n[]{1,40}\]:/u.exec(line)
  if (label === null) return /^\[\^?[^\]\n[]{0,40}\]?$/u.test(line) && mayContinue ? more : none
  if (label[1] === "^") return { end: at + label[0].length }
  const target = line.slice(label[0].length)
  if (mayContinue && /^[ \t]*(?:\S*|\S+[ \t]+(?:(["'])[^"'\n]*\1?)?)$/u.test(target)) return more
  const address = /^[ \t]*(?:<?[a-z][a-z0-9+.-]*:\/\/|[/#.]|www\.)\S*(?:[ \t]+(["'])[^"'\n]*\1)?/iu.exec(target)
  return address === null ? none : { end: at + label[0].length + address[0].length }
}
