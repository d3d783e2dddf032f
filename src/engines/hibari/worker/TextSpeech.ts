/**
 * Says one text, step by step: each step makes 200 ms of sound; before the first of a piece it runs the network, and before the
 * first piece of a sentence it reads that.
 *
 * Plain code for a worker thread. Between two steps another text may have its turn, and this one may be forgotten.
 *
 * @since 0.1.0
 */
import type { SpokenWord } from "../../../speech/TextToSpeech.ts"
import type { AcousticNetwork, Speech } from "../network/AcousticNetwork.ts"
import type { Piece, PieceWord, Sentence } from "../text/PhonemeReader.ts"
import { toPcm } from "../vocoder/Level.ts"
import { FRAME, RATE } from "../vocoder/Spectra.ts"
import * as SpeechBounds from "../vocoder/SpeechBounds.ts"
import { Vocoder } from "../vocoder/Vocoder.ts"
import type { Sound, SpeechRequest } from "./WorkerProtocol.ts"

/**
 * Reads text: its sentences, and the pieces of a sentence.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextReader {
  readonly sentences: (text: string) => ReadonlyArray<Sentence>
  readonly pieces: (sentence: Sentence, isFirst: boolean) => Promise<ReadonlyArray<Piece>>
}

/**
 * What a text is said with.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpeechParts {
  readonly reader: TextReader
  readonly network: AcousticNetwork
  readonly emit: (sound: Sound) => void
}

/** Frames of one piece of sound, 200 ms. */
const FRAMES = 16
/** The noise of every text begins alike, so that the same text always sounds the same. */
const SEED = 1
const MS_PER_FRAME = (1000 * FRAME) / RATE
/** Frames that stay after the last sound of a piece: where a sentence was cut at a comma, at its end, and before another. */
const AT_COMMA = 5
const AT_END = 10
const BETWEEN_SENTENCES = 18

const samples = new Float32Array(FRAMES * FRAME)

interface Waiting {
  readonly piece: Piece
  readonly trail: number
}

interface Open {
  readonly vocoder: Vocoder
  left: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class TextSpeech {
  readonly #request: SpeechRequest
  readonly #parts: SpeechParts
  #sentences: ReadonlyArray<Sentence> | undefined
  #nextSentence = 0
  #pieces: Array<Waiting> = []
  #open: Open | undefined
  /** Words of which no sound was made yet. */
  #words: Array<SpokenWord> = []
  #framesGiven = 0

  constructor(request: SpeechRequest, parts: SpeechParts) {
    this.#request = request
    this.#parts = parts
  }

  /** Whether it holds spectra, a few megabytes, of which more sound is to be made. */
  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** Makes the next step; false when the text is said. */
  async step(): Promise<boolean> {
    if (this.#open !== undefined) return this.#give(this.#open)
    if (this.#pieces.length === 0 && !(await this.#read())) return false
    const next = this.#pieces.shift()
    return next === undefined || this.#begin(next)
  }

  /** Reads the next sentence; false when there is none. */
  async #read(): Promise<boolean> {
    const { reader } = this.#parts
    this.#sentences ??= reader.sentences(this.#request.text)
    const sentence = this.#sentences[this.#nextSentence++]
    if (sentence === undefined) return false
    const pieces = await reader.pieces(sentence, this.#nextSentence === 1)
    const atEnd = this.#nextSentence === this.#sentences.length ? AT_END : BETWEEN_SENTENCES
    this.#pieces = pieces.map((piece, i) => ({ piece, trail: i === pieces.length - 1 ? atEnd : AT_COMMA }))
    return true
  }

  async #begin({ piece, trail }: Waiting): Promise<boolean> {
    const speech = await this.#parts.network(piece.ids, this.#request.speed)
    const { from, to } = SpeechBounds.find(speech.spectra, trail)
    for (const word of piece.words) this.#words.push(this.#timed(word, speech, from, Math.max(from, to - trail)))
    if (to === from) return true
    this.#open = { vocoder: new Vocoder(speech.spectra, SEED, from), left: to - from }
    return this.#give(this.#open)
  }

  /** A word's times, counted from the first sample of the text; the speech of the piece ends with frame `until`. */
  #timed({ end, endId, firstId, start }: PieceWord, { ends }: Speech, from: number, until: number): SpokenWord {
    const msAt = (frames: number) => MS_PER_FRAME * (this.#framesGiven + Math.max(0, Math.min(until, frames) - from))
    const startMs = msAt(ends[firstId - 1] ?? 0)
    return {
      text: this.#request.text.slice(start, end),
      startMs,
      endMs: endId > firstId ? Math.max(startMs, msAt(ends[endId - 1] ?? until)) : startMs
    }
  }

  #give(open: Open): boolean {
    const frames = open.vocoder.give(samples.subarray(0, FRAME * Math.min(FRAMES, open.left)))
    open.left -= frames
    if (open.left === 0 || frames === 0) this.#open = undefined
    const pcm = new Int16Array(FRAME * frames)
    toPcm(samples, this.#request.gain, pcm)
    this.#framesGiven += frames
    const words = this.#words
    this.#words = []
    this.#parts.emit({ pcm, words })
    return true
  }
}
