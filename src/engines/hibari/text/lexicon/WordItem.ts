/**
 * What is read at once: a sub-token, or several that are joined without space.
 *
 * @since 0.1.0
 */
import type { Currency } from "./LexiconNumber.ts"

/**
 * A sub-token on its way to phonemes.
 *
 * - `space`: whether white space follows it.
 * - `origin`: its place in the original text.
 * - `phonemes`: unset until it is read; `""` when it is silent.
 * - `isHead`: whether it is the first of what is joined.
 * - `alias`: what is read in place of the text.
 * - `spaced`: whether its phonemes are set apart from those before.
 *
 * @category models
 * @since 0.1.0
 */
export interface WordItem {
  readonly text: string
  readonly tag: string
  readonly space: boolean
  readonly origin: number
  phonemes: string | undefined
  isHead: boolean
  alias: string | undefined
  currency: Currency | undefined
  spaced: boolean
}

/**
 * An item that is not read yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (text: string, tag: string, space: boolean, origin: number): WordItem => ({
  text,
  tag,
  space,
  origin,
  phonemes: undefined,
  isHead: true,
  alias: undefined,
  currency: undefined,
  spaced: false
})

const caseWeight = (text: string): number => {
  let sum = 0
  for (const sign of text) sum += sign.toLowerCase() === sign ? 1 : 2
  return sum
}

/**
 * Several items as one: with the tag of the weightiest, in which a capital counts twice.
 *
 * @category constructors
 * @since 0.1.0
 */
export const merge = (items: ReadonlyArray<WordItem>): WordItem => {
  const [first] = items
  const last = items.at(-1)!
  let heaviest = first!
  let most = -1
  let currency: Currency | undefined
  let text = ""
  for (const item of items) {
    const weight = caseWeight(item.text)
    if (weight > most) [heaviest, most] = [item, weight]
    if (item.currency !== undefined && (currency === undefined || item.currency > currency)) currency = item.currency
    text += item.text + (item.space && item !== last ? " " : "")
  }
  return {
    ...make(text, heaviest.tag, last.space, first!.origin),
    isHead: first!.isHead,
    spaced: first!.spaced,
    currency
  }
}
