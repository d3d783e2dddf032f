/**
 * Cuts text into pieces of bounded length, and sound into chunks. Pure.
 *
 * @since 0.1.0
 */

/**
 * The most characters that are spoken at once, about a minute of speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_LENGTH = 600

const isWord = /[\p{L}\p{N}]/u

/**
 * The pieces of a text that have something to say: the whole of it, or parts of at most 600 characters that end at a sentence,
 * a clause or a word where there is one. Control characters, on which a front end may stumble, become spaces.
 *
 * @category splitting
 * @since 0.1.0
 */
export const split = (text: string): ReadonlyArray<string> => {
  const clean = text.replace(/[\p{Cc}\p{Cs}\p{Co}]+/gu, " ")
  const pieces: Array<string> = []
  for (let from = 0; from < clean.length;) {
    const window = clean.slice(from, from + MAX_LENGTH)
    const end = from + MAX_LENGTH >= clean.length ? window.length : endOf(window)
    const piece = window.slice(0, end).trim()
    if (isWord.test(piece)) pieces.push(piece)
    from += end
  }
  return pieces
}

/** Where to cut: behind the last end of a sentence, else of a clause, else of a word, in the second half. */
const endOf = (window: string): number => {
  for (const end of [/[.!?。！？]/gu, /[,;:、，]/gu, /\s/gu]) {
    let last = 0
    for (const match of window.matchAll(end)) last = match.index + match[0].length
    if (last > MAX_LENGTH / 2) return last
  }
  // not between the halves of a character
  const code = window.charCodeAt(window.length - 1)
  return code >= 0xd800 && code <= 0xdbff ? window.length - 1 : window.length
}

/**
 * The chunks of a sound, 200 ms each.
 *
 * @category splitting
 * @since 0.1.0
 */
export const chunks = (pcm: Int16Array, sampleRate: number): ReadonlyArray<Int16Array> => {
  const length = Math.round(sampleRate / 5)
  return Array.from({ length: Math.ceil(pcm.length / length) }, (_, i) => pcm.slice(i * length, (i + 1) * length))
}
