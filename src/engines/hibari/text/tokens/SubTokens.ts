/**
 * Cuts tokens into what is read as one: "B2B" is "B", "2", "B", "getElement" is "get", "Element".
 *
 * @since 0.1.0
 */
import { D, LET, LOWER, UPPER, W } from "../CharacterClasses.ts"

const Q = "'‘’"

const part = new RegExp(
  [
    `^[${Q}]+`,
    // the last capital of "HTMLParser" belongs to what follows
    `[${UPPER}](?=[${UPPER}][${LOWER}])`,
    `(?:^-)?(?:[${D}]?[,.]?[${D}])+`,
    "[-_]+",
    `[${Q}]{2,}`,
    `[${LET}]*?(?:[${Q}][${LET}])*?[${LOWER}](?=[${UPPER}])`,
    `[${LET}]+(?:[${Q}][${LET}])*`,
    `[^${W}${Q}-]`,
    `[${Q}]+$`
  ].join("|"),
  "gu"
)

/**
 * The sub-tokens of a token, with their offsets in it. Characters that are part of none are not read.
 *
 * @category conversions
 * @since 0.1.0
 */
export const subTokens = (token: string): ReadonlyArray<{ readonly text: string; readonly offset: number }> =>
  Array.from(token.matchAll(part), ({ 0: text, index }) => ({ text, offset: index }))
