/**
 * Takes the secrets of this process (API keys, passwords, values of headers) out of texts that others wrote: some vendors repeat
 * the key that they refuse, in a message, a code or the reason of a close, and libraries tell the URL or the header of a request
 * that has failed.
 *
 * @since 0.1.0
 */

/** A shorter key is no secret, and might be part of a word. */
const MIN_CHARACTERS = 8
/** Keys are few; a program may make any number of engines. */
const MAX_KEYS = 512

/** Each key with the forms in which it is written: as it is, in a URL, and in JSON. */
const keys = new Map<string, ReadonlyArray<string>>()

/** All forms, the longest first: one key may be the beginning of another. */
let forms: ReadonlyArray<string> = []

const formsOf = (key: string): ReadonlyArray<string> => [
  // half of a character is in no URL
  ...new Set([key, encodeURIComponent(key.toWellFormed()), JSON.stringify(key).slice(1, -1)])
]

/**
 * Remembers a key that is used from now on.
 *
 * @category running
 * @since 0.1.0
 */
export const remember = (key: string): void => {
  if (key.length < MIN_CHARACTERS) return
  const isNew = !keys.delete(key)
  keys.set(key, formsOf(key))
  for (const oldest of keys.keys()) {
    if (keys.size <= MAX_KEYS) break
    keys.delete(oldest)
  }
  if (isNew) forms = [...keys.values()].flat().toSorted((a, b) => b.length - a.length)
}

/**
 * A text without the keys in it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const without = (text: string): string => {
  let out = text
  for (const form of forms) out = out.replaceAll(form, "<redacted>")
  return out
}
