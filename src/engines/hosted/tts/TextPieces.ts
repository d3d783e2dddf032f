/**
 * Texts as vendors take them. Pure.
 *
 * @since 0.1.0
 */

/**
 * Whether anything in a text can be pronounced.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSpeakable = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)

const isHigh = (code: number): boolean => code >= 0xd800 && code < 0xdc00

/**
 * A text in pieces of at most so many UTF-16 units, cut after the end of a sentence, else at white space, else between
 * two characters. Joined they are the text; pieces without anything to pronounce go with their neighbours where they fit.
 *
 * @category conversions
 * @since 0.1.0
 */
export const pieces = (text: string, max: number): ReadonlyArray<string> => {
  const limit = Math.max(2, max)
  const out: Array<string> = []
  let rest = text
  while (rest.length > limit) {
    const head = rest.slice(0, limit)
    const sentence = head.search(/[.!?…。！？][^.!?…。！？]*$/u) + 1
    const space = head.search(/\s\S*$/u) + 1
    const end = sentence > limit / 2 ? sentence : space > limit / 2 ? space : Math.max(sentence, space)
    const at = end > 0 ? end : isHigh(head.charCodeAt(limit - 1)) ? limit - 1 : limit
    out.push(rest.slice(0, at))
    rest = rest.slice(at)
  }
  if (rest !== "") out.push(rest)
  return out
}
