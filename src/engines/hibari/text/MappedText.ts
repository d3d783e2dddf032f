/**
 * A text that is rewritten step by step, and remembers for each of its characters the place in the original that it stands
 * for.
 *
 * @since 0.1.0
 */

/**
 * A text and, for each of its UTF-16 units, an offset in the original. Where a part was replaced by other words, a word that
 * both hold keeps its place, and the others share the rest evenly.
 *
 * @category models
 * @since 0.1.0
 */
export interface MappedText {
  readonly text: string
  readonly origin: ReadonlyArray<number>
}

/**
 * A text as it stands at an offset of the original.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (text: string, offset: number): MappedText => ({
  text,
  origin: Array.from({ length: text.length }, (_, i) => offset + i)
})

/**
 * Part of a text.
 *
 * @category accessors
 * @since 0.1.0
 */
export const slice = ({ origin, text }: MappedText, start: number, end: number): MappedText => ({
  text: text.slice(start, end),
  origin: origin.slice(start, end)
})

const words = /[^ ,.]+/gu

/** Where each unit of a replacement stands in what it replaces, as offsets in that. */
const align = (before: string, after: string): ReadonlyArray<number> => {
  const places: Array<number> = []
  let [done, cursor] = [0, 0]
  const spread = (to: number, place: number) => {
    const from = done
    for (; done < to; done++) places.push(cursor + Math.floor(((done - from) * (place - cursor)) / (to - from)))
    cursor = place
  }
  for (const match of after.matchAll(words)) {
    const [word] = match
    const found = before.indexOf(word, cursor)
    if (found === -1) continue
    spread(match.index, found)
    spread(match.index + word.length, found + word.length)
  }
  spread(after.length, before.length)
  return places
}

/**
 * Replaces all matches of a global pattern; where `by` gives `undefined`, the match stays as it is.
 *
 * @category mapping
 * @since 0.1.0
 */
export const replace = (
  mapped: MappedText,
  pattern: RegExp,
  by: (match: RegExpExecArray) => string | undefined
): MappedText => {
  const { origin, text } = mapped
  let out = ""
  let places: Array<number> | undefined
  let from = 0
  const keep = (to: number) => {
    out += text.slice(from, to)
    for (let i = from; i < to; i++) places?.push(origin[i]!)
    from = to
  }
  for (const match of text.matchAll(pattern)) {
    const after = by(match)
    if (after === undefined) continue
    const [before] = match
    places ??= []
    keep(match.index)
    out += after
    const last = match.index + Math.max(0, before.length - 1)
    for (const place of align(before, after)) {
      places.push(origin[Math.min(match.index + place, last)] ?? origin.at(-1) ?? 0)
    }
    from = match.index + before.length
  }
  if (places === undefined) return mapped
  keep(text.length)
  return { text: out, origin: places }
}
