/**
 * Splits a text into the pieces that are spoken one after another, while it is written: by what it says, and by the clock.
 *
 * A piece whose end is certain is given out when nothing more came for `SENTENCE_PAUSE_MS`; words without an end
 * `WORDS_LIMIT_MS` after the first of them, at the end of a word; the last word, which may not be complete, when nothing more
 * came for `LAST_WORD_MS`. Pure: times are given to it, in monotonic ms.
 *
 * @since 0.1.0
 */
import type { TextLanguage } from "../language/TextLanguage.ts"
import type { TextTransform, Transformer } from "../TextTransform.ts"
import { mayEndSentence, openWordLength, type PauseCut, pauseEnd, wholeSentences } from "./SentencePause.ts"
import { SentenceTokenizer } from "./SentenceTokenizer.ts"

/**
 * The pause after which a sentence whose end is certain is spoken, in ms: longer than the gaps between a model's tokens.
 *
 * @category constants
 * @since 0.1.0
 */
export const SENTENCE_PAUSE_MS = 250

/**
 * How long words wait for the end of their sentence, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const WORDS_LIMIT_MS = 1_000

/**
 * How long the last word waits for what may be the rest of it, in ms, since nothing else is held back.
 *
 * @category constants
 * @since 0.1.0
 */
export const LAST_WORD_MS = 2_000

/** While more speech than this is still to be played, in ms, words can wait for the end of their sentence. */
const AHEAD_MS = 600

/** What the transforms hold back is known only for texts up to this length, which speak for more than an hour. */
const MAX_KNOWN = 65_536

/** Closes whatever may be open in a text: a link, a code span, emphasis, a tag, a cell of a table. */
const CLOSING = " ](https://a.example/) ` ** > |</spell></say-as></phoneme></sub>"

const word = /\S/u

/** Two letters of a word. */
const inWord = /^[\p{L}\p{M}\p{N}]{2}$/u

/** Marks that belong to what was given out before a pause: `, as I said`, `) and`. A question mark is kept: it tells a question. */
const leadingMarks = /^(?:[\p{Pe}\p{Pf}.,;:!…"']+(?=\s|$)|[。，、；：！」』）]+)\s*/u

const commonLength = (one: string, other: string): number => {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one.charCodeAt(length) === other.charCodeAt(length)) length++
  return length
}

/**
 * @category models
 * @since 0.1.0
 */
export class SentenceSplitter {
  readonly #transform: TextTransform
  readonly #transformer: Transformer
  readonly #sentences: SentenceTokenizer
  readonly #language: () => TextLanguage | undefined
  /** All that was written, and what the transforms made of it. */
  #written: string | undefined = ""
  #transformed = ""
  /** What was given out though the transforms still hold it back. */
  #givenAhead = ""
  /** When the last text came, and since when more of it is waited for. */
  #cameMs = 0
  #waitingMs = 0
  /** Since when there are words that were not given out. */
  #wordsMs: number | undefined
  /** What was tried since the last text came. */
  #triedSentence = true
  #triedAll = true
  #triedRest = true
  #wordsNotBeforeMs = 0
  /** Whether the last piece was given out at a pause. */
  #atPause = false

  /** `language`: the text's. Default: unknown. */
  constructor(transform: TextTransform, language: () => TextLanguage | undefined = () => undefined) {
    this.#language = language
    this.#sentences = new SentenceTokenizer(language)
    this.#transform = transform
    this.#transformer = transform()
  }

  /** Takes more text, and returns the complete pieces. */
  push(text: string, nowMs: number): ReadonlyArray<string> {
    if (this.#written !== undefined) {
      this.#written = this.#written.length + text.length > MAX_KNOWN ? undefined : this.#written + text
    }
    const pieces = this.#withoutMarks(this.#sentences.push(this.#take(this.#transformer.push(text))))
    if (pieces.length > 0) this.#wordsMs = undefined
    if (word.test(text)) {
      this.#cameMs = nowMs
      this.#wordsMs ??= nowMs
      this.#triedSentence = false
      this.#triedAll = false
      this.#triedRest = false
    }
    return pieces
  }

  /** Ends the text, and returns the rest. */
  flush(): ReadonlyArray<string> {
    this.#wordsMs = undefined
    return this.#withoutMarks([
      ...this.#sentences.push(this.#take(this.#transformer.flush())),
      ...this.#sentences.flush()
    ])
  }

  /** Leaves out marks at the beginning that belong to what was given out at a pause. */
  #withoutMarks(pieces: ReadonlyArray<string>): ReadonlyArray<string> {
    const [first, ...rest] = pieces
    if (first === undefined || !this.#atPause) return pieces
    const spoken = first.replace(leadingMarks, "")
    if (spoken === "") return this.#withoutMarks(rest)
    this.#atPause = false
    return [spoken, ...rest]
  }

  /** Ends a text that broke off: returns the whole sentences of the rest, and drops what is unfinished. */
  cut(): ReadonlyArray<string> {
    const pieces = [...this.flush()]
    while (pieces.length > 0) {
      const whole = wholeSentences(pieces.pop() ?? "", this.#language())
      if (whole === "") continue
      pieces.push(whole)
      break
    }
    return pieces
  }

  /** More text is waited for from now on. */
  waits(nowMs: number): void {
    this.#waitingMs = nowMs
  }

  /** When something may be given out though no more has come; infinite when nothing is held back. */
  get dueMs(): number {
    if (this.#wordsMs === undefined) return Number.POSITIVE_INFINITY
    const sinceMs = Math.max(this.#cameMs, this.#waitingMs)
    const sentenceMs = this.#triedSentence ? Number.POSITIVE_INFINITY : sinceMs + SENTENCE_PAUSE_MS
    return Math.min(sentenceMs, this.#wordsDueMs)
  }

  get #wordsDueMs(): number {
    if (this.#triedRest || this.#wordsMs === undefined) return Number.POSITIVE_INFINITY
    const sinceMs = Math.max(this.#cameMs, this.#waitingMs)
    if (this.#triedAll) return Math.max(sinceMs + LAST_WORD_MS, this.#wordsNotBeforeMs)
    const limitMs = Math.min(
      Math.max(this.#wordsMs + WORDS_LIMIT_MS, this.#waitingMs + SENTENCE_PAUSE_MS),
      sinceMs + WORDS_LIMIT_MS
    )
    return Math.max(limitMs, this.#wordsNotBeforeMs)
  }

  /** Gives out what is due. `aheadMs`: how much speech is still to be played. */
  release(nowMs: number, aheadMs: number): ReadonlyArray<string> {
    if (nowMs < this.dueMs) return []
    const wordsDue = nowMs >= this.#wordsDueMs
    const sinceMs = Math.max(this.#cameMs, this.#waitingMs)
    const sentenceDue = !this.#triedSentence && nowMs >= sinceMs + SENTENCE_PAUSE_MS
    this.#triedSentence ||= sentenceDue
    if (!wordsDue) return this.#giveOut("sentence", nowMs)
    if (aheadMs > AHEAD_MS) {
      this.#wordsNotBeforeMs = nowMs + Math.max(SENTENCE_PAUSE_MS, aheadMs - AHEAD_MS)
      return sentenceDue ? this.#giveOut("sentence", nowMs) : []
    }
    this.#wordsNotBeforeMs = nowMs + WORDS_LIMIT_MS
    this.#triedAll = nowMs >= sinceMs + WORDS_LIMIT_MS
    this.#triedRest = nowMs >= sinceMs + LAST_WORD_MS
    return this.#giveOut(this.#triedRest ? "rest" : this.#triedAll ? "all" : "words", nowMs)
  }

  #giveOut(how: PauseCut, nowMs: number): ReadonlyArray<string> {
    const held = this.#heldByTransforms(how)
    const { rest } = this.#sentences
    const end = pauseEnd(rest + held.text, held.whole, how, this.#language())
    if (end === 0) return []
    this.#givenAhead += held.text.slice(0, Math.max(0, end - rest.length))
    this.#wordsMs = end >= rest.length + held.text.length && held.whole ? undefined : nowMs
    this.#wordsNotBeforeMs = 0
    const pieces = this.#withoutMarks(this.#sentences.take(held.text, end))
    this.#atPause = true
    return pieces
  }

  /**
   * What the transforms hold back, and whether it is all of it. A transform is a function of its whole input: it is applied
   * once more to all that was written, as if the text ended here, and as if what is open in it were closed next. What both
   * have in common stays as it is, whatever comes.
   */
  #heldByTransforms(how: PauseCut): { readonly text: string; readonly whole: boolean } {
    const all = this.#written
    if (all === undefined) return { text: "", whole: false }
    // an address is spoken in several words: it is left out as it is written
    const openLength = (how === "all" || how === "rest") && mayEndSentence(all) ? 0 : openWordLength(all)
    const written = openLength === 0 ? all : all.slice(0, -openLength)
    const transformer = this.#transform()
    const ended = transformer.push(written) + transformer.flush()
    const closed = transformer.push(written + CLOSING) + transformer.flush()
    const known = this.#transformed + this.#givenAhead
    if (!ended.startsWith(known)) return { text: "", whole: false }
    const length = commonLength(ended, closed)
    const whole = length >= ended.trimEnd().length
    // the space after a word is dropped at the end of a text
    const gap = whole && /\S$/u.test(ended) && /\s$/u.test(written) ? " " : ""
    return { text: ended.slice(known.length, length) + gap, whole: whole && openLength === 0 }
  }

  /** The new output of the transforms, without what was given out ahead of it. */
  #take(output: string): string {
    if (this.#written !== undefined) this.#transformed += output
    const ahead = this.#givenAhead
    if (ahead === "") return output
    const same = commonLength(ahead, output)
    this.#givenAhead = same === output.length ? ahead.slice(same) : ""
    if (same === ahead.length || same === output.length) return output.slice(same)
    // where the transforms decided otherwise, what was said stays said, and a word is said whole: "No." → "Number 5"
    return output.slice(inWord.test(output.slice(same - 1, same + 1)) ? output.lastIndexOf(" ", same) + 1 : same)
  }
}
