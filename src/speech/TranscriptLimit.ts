/**
 * The bounds of what one recogniser's stream may send: how long a transcript, how many events, and how much text. A stream that
 * sends more has failed, and costs the session that stream alone. Plain synchronous code.
 *
 * @since 0.1.0
 */
import { type BackendError, PipelineError } from "../BackendError.ts"
import { BurstLimit } from "../BurstLimit.ts"
import type { TranscriptEvent } from "./SpeechToText.ts"

/**
 * The longest text of an event, and of all its words, in UTF-16 code units: a quarter of an hour of speech.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TEXT = 16_384

/** The words of one event. */
const MAX_WORDS = 8_192
/**
 * Events of a stream: recognisers send up to 10 interim transcripts a second, and after a stall of the network some seconds of
 * them at once.
 */
const EVENTS = { burst: 2_048, perSecond: 100 }
/** Their text, in UTF-16 code units: each interim transcript repeats the words of the utterance. */
const CHARACTERS = { burst: 524_288, perSecond: 65_536 }

/**
 * The error of an engine that sends more than it may.
 *
 * @category errors
 * @since 0.1.0
 */
export const tooMuch = (op: string, engine: string, what: string): BackendError =>
  new PipelineError({
    op,
    message: `${engine} sent ${what}`,
    details: { engine, reason: "too_much" },
    retryable: false
  })

const op = "SpeechToText.events"

/**
 * The bounds of one stream.
 *
 * @category models
 * @since 0.1.0
 */
export class TranscriptLimit {
  readonly #engine: string
  readonly #events = new BurstLimit(EVENTS.burst, EVENTS.perSecond)
  readonly #characters = new BurstLimit(CHARACTERS.burst, CHARACTERS.perSecond)

  /** `engine`: its name, for the error. */
  constructor(engine: string) {
    this.#engine = engine
  }

  /** What is wrong with an event; `undefined` for one that may come. */
  fault(event: TranscriptEvent, nowMs: number): BackendError | undefined {
    const text = "text" in event ? event.text : ""
    const words = "words" in event ? event.words ?? [] : []
    if (text.length > MAX_TEXT) return tooMuch(op, this.#engine, `a transcript of more than ${MAX_TEXT} characters`)
    if (words.length > MAX_WORDS) return tooMuch(op, this.#engine, `a transcript of more than ${MAX_WORDS} words`)
    let wordCharacters = 0
    for (const word of words) wordCharacters += word.text.length
    if (wordCharacters > MAX_TEXT) return tooMuch(op, this.#engine, `words of more than ${MAX_TEXT} characters`)
    if (this.#events.takes(1, nowMs) && this.#characters.takes(text.length, nowMs)) return undefined
    return tooMuch(op, this.#engine, `more than ${EVENTS.perSecond} transcripts a second, or too much text`)
  }
}
