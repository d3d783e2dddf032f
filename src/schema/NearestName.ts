/**
 * Finds the known name that a misspelt one is closest to.
 *
 * @since 0.1.0
 */

/** A longer name is no misspelling of a key, and comparing costs the product of both lengths. */
const MAX_CHARACTERS = 64

const normalize = (name: string): string => name.toLowerCase().replace(/[-_\s]/g, "")

/** `turnDetection`, `turn_detection` and `turn-detection` alike. */
const wordsOf = (name: string): string =>
  name.replace(/([a-z\d])([A-Z])/g, "$1 $2").toLowerCase().split(/[-_\s]+/).filter((word) => word !== "").join(" ")

/** How many single-character edits a name of so many characters may be away. */
const tolerance = (length: number): number => length <= 3 ? 1 : length <= 7 ? 2 : 3

/** Insertions, deletions, substitutions and swaps of neighbours that make one word of another. */
const distance = (one: string, other: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1]
      let cost = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[other.length] ?? 0
}

/** The only known name whose first words are these; several, and nobody knows which was meant. */
const completed = (name: string, known: Iterable<string>): string | undefined => {
  const words = wordsOf(name)
  if (words === "") return undefined
  const found = Array.from(known).filter((candidate) => wordsOf(candidate).startsWith(`${words} `))
  return found.length === 1 ? found[0] : undefined
}

/**
 * The closest of the known names, or `undefined` when none is close: up to 1 edit for 3 characters, 2 for 7, else 3; or the
 * one that begins with the name as whole words, as `turn_detection_provider` does with `turn_detection`. Case and separators do
 * not count, so that `sttProvider` is `stt_provider`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const nearest = (name: string, known: Iterable<string>): string | undefined => {
  if (name.length > MAX_CHARACTERS) return undefined
  const wanted = normalize(name)
  let found: string | undefined
  let least = Math.min(tolerance(wanted.length), wanted.length - 1) + 1
  for (const candidate of known) {
    const plain = normalize(candidate)
    if (Math.abs(plain.length - wanted.length) >= least) continue
    const edits = distance(wanted, plain)
    if (edits < least) {
      least = edits
      found = candidate
    }
  }
  return found ?? completed(name, known)
}

/**
 * The message for a name that nothing is registered by: "unknown engine; did you mean `flite`?", or the known names when none
 * is close. The name itself does not appear in it: a mistake in a config may put a secret there.
 *
 * @category conversions
 * @since 0.1.0
 */
export const unknownName = (what: string, name: string, known: ReadonlyArray<string>): string => {
  const close = nearest(name, known)
  if (close !== undefined) return `unknown ${what}; did you mean \`${close}\`?`
  return `unknown ${what}; ${
    known.length === 0 ? "none is registered" : `expected one of ${known.toSorted().join(", ")}`
  }`
}
