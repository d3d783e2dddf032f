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
 * Reads text: its sentences, and the pieces of a sentence, step by step until there is a result.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextReader {
  readonly sentences: (text: string) => ReadonlyArray<Sentence>
  readonly reading: (sentence: Sentence, isFirst: boolean) => () => Promise<ReadonlyArray<Piece> | undefined>
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
/**
 * Frames that stay after the last sound of a piece, to which 37.5 ms before the next sound come: where a sentence was cut within
 * a text, at the end of a text that goes on (a clause), and at the end of a sentence.
 */
const AT_COMMA = 5
const AT_CLAUSE_END = 12
const AT_SENTENCE_END = 18
/** The end of a text that is a whole sentence. */
const sentenceEnd = /[.!?…]["”’')\]]*\s*$/u

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
  #reading: (() => Promise<ReadonlyArray<Piece> | undefined>) | undefined
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
    if (this.#pieces.length === 0) {
      const pieces = await this.#read()
      // silent, or its words are still asked for
      if (pieces === undefined || pieces.length === 0) return pieces !== undefined || this.#reading !== undefined
      this.#pieces = [...pieces]
    }
    const next = this.#pieces.shift()
    return next === undefined || this.#begin(next)
  }

  /** Reads on in the sentence, or begins the next; `undefined` when it is not done, or there is none. */
  async #read(): Promise<ReadonlyArray<Waiting> | undefined> {
    const { reader } = this.#parts
    this.#sentences ??= reader.sentences(this.#request.text)
    if (this.#reading === undefined) {
      const sentence = this.#sentences[this.#nextSentence++]
      if (sentence === undefined) return undefined
      this.#reading = reader.reading(sentence, this.#nextSentence === 1)
    }
    const pieces = await this.#reading()
    if (pieces === undefined) return undefined
    this.#reading = undefined
    const isLast = this.#nextSentence === this.#sentences.length
    const atEnd = isLast && !sentenceEnd.test(this.#request.text) ? AT_CLAUSE_END : AT_SENTENCE_END
    return pieces.map((piece, i) => ({ piece, trail: i === pieces.length - 1 ? atEnd : AT_COMMA }))
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
