/**
 * Transforms of an agent's text before it is spoken, applied while the text is streamed.
 *
 * A transform is pure and incremental: its whole output depends on its whole input, and not on how the input was split into
 * pieces. It keeps only the text that it holds back.
 *
 * When the agent pauses, what a transform holds back is found out by applying a new one to all that was written, as if the text
 * ended there: it is spoken when it stays the same whatever comes.
 *
 * @since 0.1.0
 */

/**
 * A transform that runs on one reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transformer {
  /** Takes more text, and returns what can be spoken already. */
  readonly push: (text: string) => string
  /** Ends the text: returns the rest, and starts over for a new text. */
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
 * A reader that transforms a text step by step.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextReader {
  /**
   * Reads at `at`, emits output, and returns the next position, or `at` if it needs more text. Its decision must not depend on
   * later text. With `final` there is no more text, so it must advance.
   */
  readonly step: (text: string, at: number, final: boolean, emit: (text: string) => void) => number
  /** Returns the output at the end of the text. */
  readonly end?: (() => string) | undefined
}

/**
 * Makes a transform from a reader. It holds back the text that the reader has not decided on.
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
 * Applies transforms one after the other; without any, the text is unchanged.
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

/** A longer sentence is processed in parts of this many characters. */
const MAX_SENTENCE = 200

const abbreviation = /(?:^|[\s("'])(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|\p{Lu})\.$/u

/** The end of the sentence at `at`, with its closing punctuation; -1 while undecided. */
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
  // do not split a surrogate pair
  return /[\uD800-\uDBFF]/u.test(text.charAt(limit - 1)) ? limit - 1 : limit
}

/**
 * Makes a transform from a function that rewrites one sentence, without the white space around it.
 *
 * It holds back the sentence that is being streamed, at most 200 characters, so the first clause is not spoken before its
 * sentence is complete. Errors of `f` are thrown.
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
  /** Whether `sql` differs from `SQL`. Default: true. */
  readonly caseSensitive?: boolean | undefined
  /** What stands for an entry in the end; gets what is said, and what was written. Default: what is said. */
  readonly as?: ((said: string, written: string) => string) | undefined
}

const wordChar = /[\p{L}\p{N}\p{M}_]/u

/**
 * Makes a transform that replaces whole words and phrases, such as a pronunciation dictionary: `{ SQL: "sequel" }`.
 *
 * The longest entry wins, and replacements are not replaced again. It holds back at most the length of the longest entry and
 * one character.
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
        const advance = (end: number, spoken: string) => {
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
          return advance(end, options.as === undefined ? spoken : options.as(spoken, text.slice(at, end)))
        }
        return advance(at + 1, text.charAt(at))
      }
    }
  })
}
