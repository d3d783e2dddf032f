/**
 * Cleans up spoken text: removes pictographs, repeated white space and repeated punctuation. Pure and incremental.
 *
 * @since 0.1.0
 */
import { fromReader, type TextTransform } from "./TextTransform.ts"

/** Unicode "other symbols" that are spoken: signs and arrows, which are no pictures. */
const spokenSymbol = /[°№℃℉©®™℠\u2190-\u21FF\u27F0-\u27FF\u2794-\u27AF\u27B1-\u27BE\u2B05-\u2B07▲▼♭≠≤≥]/u
const pictograph = /[\p{Extended_Pictographic}\p{So}\p{RI}\p{Emoji_Modifier}\u20E3\u{E0020}-\u{E007F}]/u
/** Characters without a sound: variation selectors, zero-width spaces, soft hyphens, direction marks, controls. */
const invisible = /[\uFE00-\uFE0F\u200B\u200E\u200F\u00AD\uFEFF\u2060\u202A-\u202E\u2066-\u2069]|(?![\t\n\r])\p{Cc}/u
/** Letters and digits in another shape: ligatures, bold and other letters of mathematics, full-width letters. */
const shaped = /[\uFB00-\uFB06\u{1D400}-\u{1D7FF}\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A]/u
const removable = new RegExp(`${pictograph.source}|${invisible.source}|\\u200D|${shaped.source}`, "u")

/**
 * Replaces emoji and other pictographs, with their modifiers, by a space, and ligatures, bold letters of mathematics and
 * full-width letters by plain ones. Digits, `#` and `*` of keycaps stay. It holds back at most half a surrogate pair.
 *
 * @category constructors
 * @since 0.1.0
 */
export const withoutEmoji: TextTransform = fromReader(() => {
  let afterPictograph = false
  return {
    step: (text, at, final, emit) => {
      const end = !final && /[\uD800-\uDBFF]/u.test(text.charAt(text.length - 1)) ? text.length - 1 : text.length
      const part = text.slice(at, end)
      if (!removable.test(part)) {
        if (part !== "") afterPictograph = false
        emit(part)
        return end
      }
      let out = ""
      for (const char of part) {
        // outside of emoji, a zero-width joiner belongs to the letters of some scripts
        if (char === "\u200D") {
          if (!afterPictograph) out += char
        } else if (invisible.test(char)) continue
        else if (pictograph.test(char) && !spokenSymbol.test(char)) {
          if (!afterPictograph) out += " "
          afterPictograph = true
        } else {
          out += shaped.test(char) ? char.normalize("NFKC") : char
          afterPictograph = false
        }
      }
      emit(out)
      return end
    }
  }
})

const MAX_RUN = 16
const punctuation = /[.,;:!?…]/u
const marks = new RegExp(`${punctuation.source}{1,${MAX_RUN}}`, "uy")
/** Spaces within a number: "10 000". */
const narrow = /[\u00a0\u202f\u2009]/u
const plain = /[^\s.,;:!?…]+/uy

/** The one mark that replaces a run of punctuation. */
const singleMark = (run: string): string => {
  if (run.length === 1) return run
  if (run.includes("?")) return "?"
  if (run.includes("!")) return "!"
  if (run.includes("…") || run.includes("..")) return "…"
  // an abbreviation inside a sentence: "etc.,"
  return run.startsWith(".") ? run.slice(0, 2) : run.includes(".") ? "." : run.charAt(0)
}

/**
 * Collapses repeated spaces, line breaks and punctuation ("?!" to "?", "..." to "…"). Punctuation is joined to the word before it,
 * and dropped without one. It holds back a space and at most 16 punctuation marks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tidy: TextTransform = fromReader(() => {
  let space = ""
  // the last character on this line that is not a space
  let last = ""
  return {
    step: (text, at, final, emit) => {
      const char = text.charAt(at)
      if (/\s/u.test(char)) {
        if (char === "\n") {
          if (last !== "") emit("\n")
          last = ""
          space = ""
        } else if (last !== "") space = space === "" && /\d/u.test(last) && narrow.test(char) ? char : " "
        return at + 1
      }
      const gap = space
      if (punctuation.test(char)) {
        marks.lastIndex = at
        const run = marks.exec(text)?.[0] ?? char
        const end = at + run.length
        if (!final && end === text.length && run.length < MAX_RUN) return at
        const next = text.charAt(end)
        // ".env", "./run", "../x"
        if (
          /^\.{1,2}$/u.test(run) && (space !== "" || last === "") &&
          (run === "." ? /[\p{L}\p{N}_/\\]/u : /[/\\]/u).test(next)
        ) {
          emit(gap + run)
        } // "a != b", "std::vector"
        else if (
          (run === "!" && next === "=") || (run === "::" && space === "" && last !== "" && /[\p{L}\p{N}]/u.test(next))
        ) {
          emit(gap + run)
        } else if (last === "" || punctuation.test(last)) return end
        else emit(singleMark(run))
        space = ""
        last = run.charAt(run.length - 1)
        return end
      }
      plain.lastIndex = at
      const run = plain.exec(text)?.[0] ?? char
      emit(gap + run)
      space = ""
      last = run.charAt(run.length - 1)
      return at + run.length
    }
  }
})
