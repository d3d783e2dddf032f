/**
 * What goes into the network that guesses how an unknown word is said, and what comes out of it. Pure; the network itself is
 * run by others.
 *
 * @since 0.1.0
 */

/**
 * The characters that the network takes and the signs that it gives; the id of each is its place and one.
 *
 * @category models
 * @since 0.1.0
 */
export interface LetterTables {
  /** The id of each character. */
  readonly input: ReadonlyMap<string, number>
  readonly output: ReadonlyArray<string>
  /** The most characters that it was trained for. */
  readonly longest: number
}

/**
 * The network's input `chars` for a word, without characters that it does not know; `undefined` when none is left.
 *
 * @category conversions
 * @since 0.1.0
 */
export const encode = (tables: LetterTables, word: string): BigInt64Array | undefined => {
  const ids: Array<bigint> = []
  for (const sign of word) {
    const id = tables.input.get(sign)
    if (id === undefined) continue
    ids.push(BigInt(id))
    if (ids.length === tables.longest) break
  }
  return ids.length === 0 ? undefined : BigInt64Array.from(ids)
}

/**
 * The phonemes in the network's output `ids`: each id that differs from the one before it; 0 is a gap.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (tables: LetterTables, ids: ArrayLike<bigint | number>): string => {
  let said = ""
  let before = 0
  for (let i = 0; i < ids.length; i++) {
    const id = Number(ids[i])
    if (id !== 0 && id !== before) said += tables.output[id - 1] ?? ""
    before = id
  }
  return said
}
