/**
 * Checks the table of a model's tokens: lines with a token and its number. The library ends the process on a line of another
 * form, and on a number that the model gives and the table lacks.
 *
 * @since 0.1.0
 */
import { readFileSync, statSync } from "node:fs"
import { basename } from "node:path"
import { ModelFault } from "./ModelFault.ts"

/** The largest published table has 4 MB. */
const MAX_BYTES = 2 ** 24
const MAX_LINE = 4_096

/**
 * What a model needs of its table.
 *
 * - `base64`: the tokens are written in base64, as those of `whisper` and `moonshine`.
 * - `size`: how many tokens the model gives, where it is known.
 * - `blank`: whether there must be a token for "nothing", as CTC needs it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenRules {
  readonly base64?: boolean | undefined
  readonly size?: number | undefined
  readonly blank?: boolean | undefined
}

const isBase64 = (token: string): boolean => /^[A-Za-z0-9+/]*={0,2}$/.test(token)

/** More tokens than the model gives, for marks that are only used elsewhere (`#0`). */
const SPARE = 64

/**
 * Checks a table. Throws `ModelFault`.
 *
 * @category checks
 * @since 0.1.0
 */
export const check = (path: string, { base64, blank, size }: TokenRules): void => {
  const name = basename(path)
  const { size: bytes } = statSync(path)
  if (bytes === 0) throw new ModelFault(`${name} is empty`)
  if (bytes > MAX_BYTES) throw new ModelFault(`${name} has ${bytes} bytes, which is too much for a table of tokens`)
  const text = readFileSync(path, "utf8")
  const numbers = new Set<number>()
  const tokens = new Set<string>()
  let line = 0
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from)
    const to = end < 0 ? text.length : end
    line++
    if (to - from > MAX_LINE) throw new ModelFault(`${name} is no table of tokens: its line ${line} is too long`)
    // the library splits at ASCII white space; a token that is a space itself is left out of its line
    const parts = text.slice(from, to).split(/[ \t\r\f\v]+/).filter((part) => part !== "")
    from = to + 1
    if (parts.length === 0 && from >= text.length) break
    const [token, number] = parts.length === 1 ? [" ", parts[0]] : parts
    if (parts.length > 2 || token === undefined || number === undefined || !/^\d{1,7}$/.test(number)) {
      throw new ModelFault(`${name} is no table of tokens: its line ${line} is not a token and its number`)
    }
    if (base64 === true && token !== " " && !isBase64(token)) {
      throw new ModelFault(`${name} is of another model: its line ${line} is not in base64, as this model needs it`)
    }
    numbers.add(Number(number))
    tokens.add(token)
  }
  if (size !== undefined) {
    let missing = 0
    for (let number = 0; number < size; number++) if (!numbers.has(number)) missing++
    if (missing > 0 || numbers.size > size + SPARE) {
      throw new ModelFault(`${name} is of another model: it has ${numbers.size} tokens, and the model gives ${size}`)
    }
  }
  if (blank === true && !["<blk>", "<eps>", "<blank>"].some((token) => tokens.has(token))) {
    throw new ModelFault(`${name} is of another model: it has no token <blk>, <eps> or <blank>`)
  }
}
