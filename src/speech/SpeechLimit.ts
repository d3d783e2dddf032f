/**
 * The bounds of the speech of one text: how much audio, in how many pieces, with how many words. A voice that makes more has
 * failed at this text. Plain synchronous code.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError } from "../BackendError.ts"
import type { SpeechChunk } from "./TextToSpeech.ts"
import { tooMuch } from "./TranscriptLimit.ts"

/** The audio of a text, in ms: a minute, and a second for each character. The slowest speech takes 0.2 s a character. */
const MIN_AUDIO_MS = 60_000
const MS_PER_CHARACTER = 1_000
/** Pieces of a text: a thousand, and one for each ms of audio. */
const MIN_CHUNKS = 1_000
/** Timed words: where each character is a word, as many as the text has, and some more. */
const MIN_WORDS = 64
/** The text and the words that are told with the speech: as they were given, or written out. */
const MIN_TEXT = 1_000
const TEXT_PER_CHARACTER = 16

const op = "TextToSpeech.speak"

const wrongChunk = (engine: string) =>
  new PipelineError({
    op,
    message: `${engine} gave speech that is not { pcm: Int16Array, text: string }`,
    retryable: false
  })

/**
 * The bounds of one attempt at a text.
 *
 * @category models
 * @since 0.1.0
 */
export class SpeechLimit {
  readonly #engine: string
  readonly #sampleRate: number
  readonly #text: string
  #samples = 0
  #chunks = 0
  #words = 0
  #characters = 0

  /** `engine`: its name, for the error; `sampleRate` in Hz. */
  constructor(engine: string, sampleRate: number, text: string) {
    this.#engine = engine
    this.#sampleRate = sampleRate
    this.#text = text
  }

  /** What is wrong with the next chunk; `undefined` for one that may come. */
  fault(chunk: SpeechChunk): BackendError | undefined {
    const { pcm, text, words } = chunk
    // engines of an application may be written without types
    if (!(pcm instanceof Int16Array) || typeof text !== "string") return wrongChunk(this.#engine)
    this.#samples += pcm.length
    this.#chunks++
    this.#characters += text.length
    if (words !== undefined) {
      this.#words += words.length
      for (const word of words) this.#characters += word.text.length
    }
    const { length } = this.#text
    const ms = this.#samples * 1_000 / this.#sampleRate
    const maxMs = MIN_AUDIO_MS + length * MS_PER_CHARACTER
    if (ms > maxMs) return tooMuch(op, this.#engine, `more than ${maxMs / 1_000} s of audio for ${length} characters`)
    if (this.#chunks > MIN_CHUNKS + ms) {
      return tooMuch(op, this.#engine, `${this.#chunks} pieces for ${Math.round(ms)} ms of audio`)
    }
    if (this.#words > MIN_WORDS + length || this.#characters > MIN_TEXT + length * TEXT_PER_CHARACTER) {
      return tooMuch(op, this.#engine, `more words than a text of ${length} characters has`)
    }
    return undefined
  }
}
