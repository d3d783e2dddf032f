/**
 * Formulas in Markdown, as models write them in LaTeX: "$x^2$", "\( \frac{1}{2} \)", "$$ a \leq b $$". Pure.
 *
 * A formula becomes plain text with signs ("x²", "1/2", "a ≤ b"), which are said in the words of the language.
 *
 * @since 0.1.0
 */
import type { SpokenWords } from "../language/TextLanguage.ts"
import { MAX_LOOKAHEAD, MORE, NONE } from "../Lookahead.ts"
import type { Replaced } from "./MarkdownCue.ts"

const signs: { readonly [command: string]: string } = {
  times: " × ",
  cdot: " × ",
  ast: " × ",
  div: " ÷ ",
  pm: " ± ",
  mp: " ± ",
  le: " ≤ ",
  leq: " ≤ ",
  leqslant: " ≤ ",
  ge: " ≥ ",
  geq: " ≥ ",
  geqslant: " ≥ ",
  lt: " < ",
  gt: " > ",
  ne: " ≠ ",
  neq: " ≠ ",
  approx: " ≈ ",
  equiv: " = ",
  to: " → ",
  rightarrow: " → ",
  Rightarrow: " → ",
  longrightarrow: " → ",
  implies: " → ",
  leftarrow: " ← ",
  leftrightarrow: " ↔ ",
  iff: " ↔ ",
  infty: " ∞ ",
  sum: " ∑ ",
  in: " ∈ ",
  notin: " ∉ ",
  pi: " π ",
  circ: "°",
  degree: "°",
  dots: "…",
  ldots: "…",
  cdots: "…"
}
/** Commands that change only how a formula looks. */
const layout = new Set(
  ("left right big Big bigg Bigg displaystyle textstyle limits quad qquad begin end hline boxed mathrm mathbf mathit mathsf mathbb " +
    "mathcal text textbf textit textrm mbox operatorname bar hat vec overline underline tilde").split(" ")
)
/** Commands that are said by their name. */
const names = new Set(
  ("alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi varphi chi psi " +
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega sin cos tan cot sec arcsin arccos arctan log ln exp lim max min " +
    "gcd det mod prod int partial nabla cup cap").split(" ")
)
const isCommand = (name: string): boolean =>
  Object.hasOwn(signs, name) || layout.has(name) || names.has(name) || /^(?:[dt]?frac|sqrt)$/u.test(name)

/** A formula, and not a sum of money or the name of a variable. */
const mathematical = /[\\^_=]|^\s*-?\p{L}\s*$|[\p{L}\d)]\s*[+*/<>]\s*[\p{L}\d(]/u
/** How deep fractions and roots are read in each other. */
const MAX_DEPTH = 8

/** The content of the braces at `at`, and where they end. */
const braced = (text: string, at: number): { readonly content: string; readonly end: number } | undefined => {
  const from = at + (/^\s*/u.exec(text.slice(at, at + 4))?.[0].length ?? 0)
  // "\frac12"
  if (/[\p{L}\d]/u.test(text.charAt(from))) return { content: text.charAt(from), end: from + 1 }
  if (text.charAt(from) !== "{") return undefined
  let depth = 0
  for (let i = from; i < text.length; i++) {
    if (text.charAt(i) === "{") depth++
    if (text.charAt(i) === "}" && --depth === 0) return { content: text.slice(from + 1, i), end: i + 1 }
  }
  return undefined
}

const isSimple = (text: string): boolean => /^-?(?:\d+(?:[.,]\d+)?|\p{L}|[^\s+−-]+)$/u.test(text)
const group = (text: string): string => isSimple(text) ? text : `(${text})`

const fraction = (above: string, below: string): string =>
  /^\d{1,3}$/u.test(above) && /^\d{1,3}$/u.test(below) ? `${above}/${below}` : `${group(above)} ÷ ${group(below)}`

/** A command and its arguments at `at`, as text; `undefined` if an argument is not complete. */
const command = (
  text: string,
  at: number,
  words: Partial<SpokenWords>,
  depth: number
): { readonly end: number; readonly by: string } | undefined => {
  const name = /^[A-Za-z]+/u.exec(text.slice(at + 1, at + 24))?.[0] ?? ""
  let end = at + 1 + name.length
  if (/^[dt]?frac$/u.test(name)) {
    const above = braced(text, end)
    const below = above === undefined ? undefined : braced(text, above.end)
    if (above === undefined || below === undefined) return undefined
    return {
      end: below.end,
      by: fraction(plain(above.content, words, depth + 1), plain(below.content, words, depth + 1))
    }
  }
  if (name === "sqrt") {
    const degree = /^\s*\[([^\]]*)\]/u.exec(text.slice(end, end + 16))
    end += degree?.[0].length ?? 0
    const of = braced(text, end)
    if (of === undefined) return undefined
    const sign = degree?.[1] === "3" ? "∛" : degree?.[1] === "4" ? "∜" : "√"
    return { end: of.end, by: sign + group(plain(of.content, words, depth + 1)) }
  }
  if (layout.has(name)) {
    const of = /^(?:begin|end)$/u.test(name) || text.charAt(end) === "{" ? braced(text, end) : undefined
    if (of === undefined) return text.charAt(end) === "{" ? undefined : { end, by: " " }
    return { end: of.end, by: /^(?:begin|end)$/u.test(name) ? " " : plain(of.content, words, depth + 1) }
  }
  return { end, by: signs[name] ?? ` ${name} ` }
}

/** Sets signs apart from what is beside them, and tells a minus from a hyphen. */
const withSpaces = (formula: string): string =>
  formula
    .replace(/(?<=[^\s<>=!≤≥])=(?=[^\s=])/gu, " = ")
    .replace(/(?<=[\p{L}\p{N})])\s*-\s*(?=[\p{L}\p{N}(√])/gu, " − ")
    .replace(/(?<=(?:^|[(=+×÷,])\s*)-(?=[\p{L}√(])/gu, "−")
    .replace(/ {2,}/gu, " ")
    .trim()

/** What stands above or below the line, after "^" or "_" at `at`. */
const script = (text: string, at: number, words: Partial<SpokenWords>, depth: number) => {
  const found = braced(text, at + 1)
  return found === undefined
    ? undefined
    : { end: found.end, said: plain(found.content, words, depth + 1) }
}

const power = (of: string, words: Partial<SpokenWords>): string => {
  if (/^(?:-?\d+|\p{L})$/u.test(of)) return `^${of}`
  if (of === "°") return of
  return words.toThePowerOf === undefined ? `^(${of})` : ` ${words.toThePowerOf} ${of} `
}

/** A formula as plain text. */
const plain = (formula: string, words: Partial<SpokenWords>, depth = 0): string => {
  let out = ""
  let at = 0
  while (at < formula.length) {
    const char = formula.charAt(at)
    const next = formula.charAt(at + 1)
    if (char === "\\" && /[A-Za-z]/u.test(next) && depth < MAX_DEPTH) {
      const { by, end } = command(formula, at, words, depth) ?? { by: " ", end: at + 1 }
      out = by === "°" ? out.replace(/\^\s*$/u, "") + by : out + by
      at = end
    } else if (char === "\\") {
      out += /[%$&#_{}]/u.test(next) ? next : " "
      at += 2
    } else if ((char === "^" || char === "_") && depth < MAX_DEPTH) {
      const found = script(formula, at, words, depth)
      const of = found?.said ?? ""
      at = found?.end ?? at + 1
      if (found === undefined) out += char === "^" ? char : " "
      else if (char === "^") out += power(of, words)
      else {
        // a sum from a number to another
        const isRange = /(?:∑|prod|int) ?$/u.test(out) && formula.charAt(at) === "^"
        const above = isRange ? script(formula, at, words, depth) : undefined
        out += above === undefined ? ` ${of} ` : ` ${of} ${words.to ?? "→"} ${above.said} `
        at = above?.end ?? at
      }
    } else {
      out += /[_{}&\s]/u.test(char) ? " " : char
      at++
    }
  }
  return withSpaces(out)
}

/** The formula between two marks. */
const between = (
  text: string,
  at: number,
  final: boolean,
  [open, close]: readonly [open: string, close: string],
  words: Partial<SpokenWords>
): Replaced | typeof NONE | typeof MORE => {
  const from = at + open.length
  const limit = from + MAX_LOOKAHEAD
  const to = text.slice(from, limit).indexOf(close)
  if (to !== -1) {
    const formula = text.slice(from, from + to)
    return open.startsWith("$") && !mathematical.test(formula)
      ? NONE
      : { end: from + to + close.length, by: plain(formula, words) }
  }
  if (!final && text.length < limit) return MORE
  // of a long formula, only the marks are left out here
  return open.startsWith("$") && !mathematical.test(text.slice(from, limit)) ? NONE : { end: from, by: " " }
}

/** "$x^2$": as in Pandoc, no space stands inside the marks, and no digit behind them. "$5 and $10" is money. */
const dollars = (text: string, at: number, final: boolean, words: Partial<SpokenWords>) => {
  const line = text.slice(at, at + MAX_LOOKAHEAD)
  const next = line.charAt(1)
  if (next === "" && !final) return MORE
  if (next === "" || /[\s$]/u.test(next)) return NONE
  // "$3x": of a number only what is no amount of money, such as "$3k"
  if (/[\d.,]/u.test(next)) {
    if (/^\$\d+(?:[ac-jln-z]|[\^_*=\\])?$/u.test(line) && !final) return MORE
    if (!/^\$\d+(?:[ac-jln-z](?![\p{L}\d.,])|[\^_*=\\])/u.test(line)) return NONE
  } else if (!/[\p{L}\\(\-{|]/u.test(next)) return NONE
  const formula = /^\$([^$\n]*[^$\n\s])\$(?!\d)/u.exec(line)
  if (formula !== null && (formula[0].length < line.length || final)) {
    const content = formula[1] ?? ""
    return mathematical.test(content) ? { end: at + formula[0].length, by: plain(content, words) } : NONE
  }
  return /^\$[^$\n]*\$?$/u.test(line) && line.length < MAX_LOOKAHEAD && !final ? MORE : NONE
}

/**
 * The formula, or the command of LaTeX outside of one, at `at`. `NONE` if there is none, `MORE` if that is undecided. `previous`:
 * the character before it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const mathAt = (
  text: string,
  at: number,
  final: boolean,
  previous: string,
  words: Partial<SpokenWords>
): Replaced | typeof NONE | typeof MORE => {
  const next = text.charAt(at + 1)
  if (text.charAt(at) === "$") {
    if (next !== "$") return dollars(text, at, final, words)
    return text.charAt(at + 2) === "$" ? NONE : between(text, at, final, ["$$", "$$"], words)
  }
  if (next === "(" || next === "[") return between(text, at, final, [`\\${next}`, next === "(" ? "\\)" : "\\]"], words)
  if (!/[A-Za-z]/u.test(next) || /[\p{L}:\\]/u.test(previous)) return NONE
  const rest = text.slice(at, at + MAX_LOOKAHEAD)
  const name = /^[A-Za-z]+/u.exec(rest.slice(1))?.[0] ?? ""
  const isWhole = name.length + 1 < rest.length || final
  if (!isWhole && rest.length < MAX_LOOKAHEAD) return MORE
  if (!isCommand(name) || rest.charAt(name.length + 1) === "\\") return NONE
  const found = command(rest, 0, words, 0)
  if (found !== undefined) return { end: at + found.end, by: found.by }
  return rest.length < MAX_LOOKAHEAD && !final ? MORE : NONE
}
