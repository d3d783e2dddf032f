/**
 * The speech of a text that a voice got in another form than it is written: what was spoken is told in written words.
 * Plain synchronous code.
 *
 * @since 0.1.0
 */
import type { VoiceText } from "../../text/VoiceText.ts"
import type { SpeechChunk, SpokenWord } from "../TextToSpeech.ts"

/** How far ahead a word is searched in what the voice was given, in letters. */
const MAX_SKIPPED = 64

const lettersOf = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "")

/**
 * One attempt at a text. A word counts as spoken when all that stands for it has been spoken.
 *
 * @category models
 * @since 0.1.0
 */
export class WrittenSpeech {
  readonly #text: VoiceText
  readonly #words: ReadonlyArray<string>
  readonly #lengths: ReadonlyArray<number>
  /** What the voice was given, letters and digits alone, and where each written word ends in it. */
  #letters = ""
  #ends: ReadonlyArray<number> = []
  #position = 0
  #next = 0
  #startMs: number | undefined
  #endMs = 0

  constructor(text: VoiceText) {
    this.#text = text
    this.#words = text.written === "" ? [] : text.written.split(/\s+/u)
    this.#lengths = text.ends.map((end, i) => end - (text.ends[i - 1] ?? 0))
  }

  /** The same chunk with the text and the words as they are written. */
  take(chunk: SpeechChunk): SpeechChunk {
    const { pcm, text, words } = chunk
    if (text === "" && words === undefined) return chunk
    const spoken = words === undefined ? [] : this.#spoken(words)
    return {
      pcm,
      text: text === "" ? "" : this.#text.written,
      ...(text === "" ? {} : { lengths: this.#lengths }),
      ...(spoken.length === 0 ? {} : { words: spoken })
    }
  }

  #spoken(words: ReadonlyArray<SpokenWord>): ReadonlyArray<SpokenWord> {
    if (this.#letters === "") {
      const { ends, plain } = this.#text
      this.#letters = lettersOf(plain)
      let length = 0
      this.#ends = ends.map((end, i) => length += lettersOf(plain.slice(ends[i - 1] ?? 0, end)).length)
    }
    const out: Array<SpokenWord> = []
    for (const { endMs, startMs, text } of words) {
      const letters = lettersOf(text)
      // a tag, or punctuation
      if (letters === "" || /^[<[]|[>\]]$/u.test(text)) continue
      const found = this.#letters.slice(this.#position, this.#position + MAX_SKIPPED + letters.length).indexOf(letters)
      this.#position = Math.min(this.#letters.length, this.#position + Math.max(0, found) + letters.length)
      this.#startMs ??= startMs
      this.#endMs = Math.max(this.#endMs, endMs)
      while (this.#next < this.#words.length && (this.#ends[this.#next] ?? Infinity) <= this.#position) {
        out.push({ text: this.#words[this.#next]!, startMs: this.#startMs ?? startMs, endMs: this.#endMs })
        this.#next++
        this.#startMs = undefined
      }
    }
    return out
  }
}
