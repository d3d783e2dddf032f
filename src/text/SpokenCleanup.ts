/**
 * The last touches to spoken text: no pictographs, single spaces, single marks of punctuation. Pure and incremental.
 *
 * @since 0.1.0
 */
import { fromReader, type TextTransform } from "./TextTransform.ts"

/** Signs among Unicode's "other symbols" that are read. */
const read = /[°№℃℉]/u
const picture = /[\p{Extended_Pictographic}\p{So}\p{RI}\p{Emoji_Modifier}\u20E3\u{E0020}-\u{E007F}]/u
/** Variation selectors, zero-width space, soft hyphen, marks of direction, controls: nobody hears them. */
const silent = /[\uFE00-\uFE0F\u200B\u200E\u200F\u00AD\uFEFF\u2060\u202A-\u202E\u2066-\u2069]|(?![\t\n\r])\p{Cc}/u
const anything = new RegExp(`${picture.source}|${silent.source}|\\u200D`, "u")

/**
 * Removes emoji and other pictographs, each for a space, with all that belongs to them; digits, `#` and `*` stay, also
 * of a keycap. Holds back at most half a surrogate pair.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withoutEmoji: TextTransform = fromReader(() => {
  let after = false
  return {
    step: (text, at, final, emit) => {
      const end = !final && /[\uD800-\uDBFF]/u.test(text.charAt(text.length - 1)) ? text.length - 1 : text.length
      const part = text.slice(at, end)
      if (!anything.test(part)) {
        if (part !== "") after = false
        emit(part)
        return end
      }
      let out = ""
      for (const char of part) {
        // a joiner also shapes the letters of some scripts
        if (char === "\u200D") {
          if (!after) out += char
        } else if (silent.test(char)) continue
        else if (picture.test(char) && !read.test(char)) {
          if (!after) out += " "
          after = true
        } else {
          out += char
          after = false
        }
      }
      emit(out)
      return end
    }
  }
})

const MAX_RUN = 16
const mark = /[.,;:!?…]/u
const marks = new RegExp(`${mark.source}{1,${MAX_RUN}}`, "uy")
const plain = /[^\s.,;:!?…]+/uy

/** What a run of marks amounts to. */
const one = (run: string): string => {
  if (run.length === 1) return run
  if (run.includes("?")) return "?"
  if (run.includes("!")) return "!"
  if (run.includes("…") || run.includes("..")) return "…"
  // an abbreviation within a sentence: "etc.,"
  return run.startsWith(".") ? run.slice(0, 2) : run.includes(".") ? "." : run.charAt(0)
}

/**
 * Makes one space of many, one line break of many, one mark of many ("?!" is "?", "..." is "…"); puts a mark to the word
 * before it, and drops one that has none. Holds back a space and at most 16 marks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tidy: TextTransform = fromReader(() => {
  let space = false
  // the last character on this line that is not a space
  let last = ""
  return {
    step: (text, at, final, emit) => {
      const char = text.charAt(at)
      if (/\s/u.test(char)) {
        if (char === "\n") {
          if (last !== "") emit("\n")
          last = ""
          space = false
        } else space = last !== ""
        return at + 1
      }
      const gap = space ? " " : ""
      if (mark.test(char)) {
        marks.lastIndex = at
        const run = marks.exec(text)?.[0] ?? char
        const end = at + run.length
        if (!final && end === text.length && run.length < MAX_RUN) return at
        if (run === "." && (space || last === "") && /\d/u.test(text.charAt(end))) emit(`${gap}.`)
        else if (last === "" || mark.test(last)) return end
        else emit(one(run))
        space = false
        last = run.charAt(run.length - 1)
        return end
      }
      plain.lastIndex = at
      const run = plain.exec(text)?.[0] ?? char
      emit(gap + run)
      space = false
      last = run.charAt(run.length - 1)
      return at + run.length
    }
  }
})
