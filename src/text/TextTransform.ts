/**
 * Changes an agent's text on its way to the voice, while it is still being written.
 *
 * A transform is pure and incremental: the whole of what it gives depends on the whole of what it was given, not on how
 * that was cut. It owns only what it holds back.
 *
 * @since 0.1.0
 */

/**
 * A transform at work on one reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transformer {
  /** Takes more text; returns what can be spoken already. */
  readonly push: (text: string) => string
  /** No more text comes: what is left. The transformer begins anew. */
  readonly flush: () => string
}

/**
 * Starts a transform; called once for each reply.
 *
 * @category models
 * @since 0.1.0
 */
export type TextTransform = () => Transformer

/**
 * One pass over the text.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextReader {
  /**
   * Reads at `at`, emits, and returns where to go on; `at` when it must see more. What it decides must not change with
   * what comes later. With `final` there is no more: it must go on.
   */
  readonly step: (text: string, at: number, final: boolean, emit: (text: string) => void) => number
  /** What is said at the end. */
  readonly end?: (() => string) | undefined
}

/**
 * A transform from a reader; holds back what the reader has not decided.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromReader = (make: () => TextReader): TextTransform => () => {
  let reader = make()
  let rest = ""
  let out = ""
  const emit = (text: string) => {
    out += text
  }
  const run = (final: boolean): string => {
    out = ""
    let at = 0
    while (at < rest.length) {
      const next = reader.step(rest, at, final, emit)
      if (next > at) at = next
      else if (final) emit(rest.charAt(at++))
      else break
    }
    rest = rest.slice(at)
    return out
  }
  return {
    push: (text) => {
      rest += text
      return run(false)
    },
    flush: () => {
      const last = run(true) + (reader.end?.() ?? "")
      reader = make()
      rest = ""
      return last
    }
  }
}

/**
 * One transform after the other; none leaves the text as it is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compose = (transforms: ReadonlyArray<TextTransform>): TextTransform => () => {
  const stages = transforms.map((start) => start())
  return {
    push: (text) => stages.reduce((carried, stage) => carried === "" ? "" : stage.push(carried), text),
    flush: () => stages.reduce((carried, stage) => stage.push(carried) + stage.flush(), "")
  }
}

/** A sentence without an end is given in parts of at most this many characters. */
const MAX_SENTENCE = 200

const abbreviation = /(?:^|[\s("'])(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|\p{Lu})\.$/u

/** Where the sentence at `at` ends, its closing marks included; -1 when it is not decided. */
const sentenceEnd = (text: string, at: number, final: boolean): number => {
  const limit = Math.min(text.length, at + MAX_SENTENCE)
  for (let i = at; i < limit; i++) {
    const char = text.charAt(i)
    if (char === "\n") return i
    if (!/[.!?…]/u.test(char)) continue
    let end = i + 1
    while (end < limit && /[.!?…"'”’)\]]/u.test(text.charAt(end))) end++
    if (
      end < limit && /\s/u.test(text.charAt(end)) && !abbreviation.test(text.slice(Math.max(at, end - 8), end))
    ) {
      return end
    }
    i = end - 1
  }
  if (text.length - at < MAX_SENTENCE) return final ? text.length : -1
  const space = text.lastIndexOf(" ", limit - 1)
  if (space > at) return space
  // not within a surrogate pair
  return /[\uD800-\uDBFF]/u.test(text.charAt(limit - 1)) ? limit - 1 : limit
}

/**
 * A transform that rewrites one sentence at a time, without the white space around it.
 *
 * Holds back the sentence that is being written, at most 200 characters: the first clause is not spoken before its
 * sentence is complete. What `f` throws is thrown.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFunction = (f: (sentence: string) => string): TextTransform =>
  fromReader(() => ({
    step: (text, at, final, emit) => {
      if (/\s/u.test(text.charAt(at))) {
        emit(text.charAt(at))
        return at + 1
      }
      const end = sentenceEnd(text, at, final)
      if (end === -1) return at
      emit(f(text.slice(at, end)))
      return end
    }
  }))

/**
 * @category models
 * @since 0.1.0
 */
export interface ReplaceOptions {
  /** Whether `sql` is something else than `SQL`; `true` by default. */
  readonly caseSensitive?: boolean | undefined
}

const wordChar = /[\p{L}\p{N}\p{M}_]/u

/**
 * A transform that replaces whole words and phrases, such as a dictionary of pronunciations: `{ SQL: "sequel" }`.
 *
 * The longest entry wins; what was replaced is not looked at again. Holds back no more than the longest entry and one
 * character.
 *
 * @category constructors
 * @since 0.1.0
 */
export const replace = (
  entries: { readonly [written: string]: string },
  options: ReplaceOptions = {}
): TextTransform => {
  const fold = options.caseSensitive === false ? (text: string) => text.toLowerCase() : (text: string) => text
  const byFirst = new Map<string, Array<readonly [written: string, spoken: string]>>()
  for (const [written, spoken] of Object.entries(entries)) {
    if (written === "") continue
    const first = fold(written.charAt(0))
    byFirst.set(first, [...byFirst.get(first) ?? [], [fold(written), spoken]])
  }
  for (const list of byFirst.values()) list.sort((a, b) => b[0].length - a[0].length)

  return fromReader(() => {
    let before = ""
    return {
      step: (text, at, final, emit) => {
        const inWord = wordChar.test(before)
        const give = (end: number, spoken: string) => {
          emit(spoken)
          before = text.charAt(end - 1)
          return end
        }
        for (const [written, spoken] of byFirst.get(fold(text.charAt(at))) ?? []) {
          if (inWord && wordChar.test(written.charAt(0))) continue
          const end = at + written.length
          const here = fold(text.slice(at, end))
          if (!final && end >= text.length && written.startsWith(here)) return at
          if (here !== written) continue
          if (wordChar.test(written.charAt(written.length - 1)) && wordChar.test(text.charAt(end))) continue
          return give(end, spoken)
        }
        return give(at + 1, text.charAt(at))
      }
    }
  })
}
