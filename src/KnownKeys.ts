/**
 * Takes the API keys of this process out of what vendors say: some repeat the key that they refuse, in a message, a code or
 * the reason of a close.
 *
 * @since 0.1.0
 */

/** A shorter key is no secret, and might be part of a word. */
const MIN_CHARACTERS = 8
/** Keys are few; a program may make any number of engines. */
const MAX_KEYS = 256

const keys = new Set<string>()

/**
 * Remembers a key that is used from now on.
 *
 * @category running
 * @since 0.1.0
 */
export const remember = (key: string): void => {
  if (key.length < MIN_CHARACTERS) return
  keys.delete(key)
  keys.add(key)
  for (const oldest of keys) {
    if (keys.size <= MAX_KEYS) return
    keys.delete(oldest)
  }
}

/**
 * A text without the keys in it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const without = (text: string): string => {
  let out = text
  for (const key of keys) out = out.replaceAll(key, "<redacted>")
  return out
}
