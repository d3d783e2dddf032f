/**
 * What the page remembers of its user's choices, in this browser.
 *
 * @since 0.1.0
 */

/**
 * @category mutations
 * @since 0.1.0
 */
export const store = (key: string, value: string): void => {
  try {
    localStorage.setItem(`effect-voice.${key}`, value)
  } catch {
    // Private windows may refuse; then nothing is remembered.
  }
}

/**
 * The stored value; empty when there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const load = (key: string): string => {
  try {
    return localStorage.getItem(`effect-voice.${key}`) ?? ""
  } catch {
    return ""
  }
}
