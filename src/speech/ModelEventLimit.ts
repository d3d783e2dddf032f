/**
 * The bounds of what a speech-to-speech model may send in one session: how many events, and how long their texts. A model that
 * sends more has failed for this session. How much one reply may hold is bounded where it is kept. Plain synchronous code.
 *
 * @since 0.1.0
 */
import type { BackendError } from "../BackendError.ts"
import { BurstLimit } from "../BurstLimit.ts"
import type { SpeechToSpeechEvent } from "./SpeechToSpeech.ts"
import { MAX_TEXT, tooMuch } from "./TranscriptLimit.ts"

/** Events that are not a piece of a reply. */
const CONTROL = { burst: 512, perSecond: 100 }
/** Pieces of replies: a model may make a quarter of an hour of audio at once, in pieces of 20 ms. */
const PIECES = { burst: 65_536, perSecond: 2_000 }
/** The text of one piece of a reply, in UTF-16 code units. */
const MAX_PIECE_TEXT = 65_536

const op = "SpeechToSpeech.events"

/**
 * The bounds of one session.
 *
 * @category models
 * @since 0.1.0
 */
export class ModelEventLimit {
  readonly #engine: string
  readonly #control = new BurstLimit(CONTROL.burst, CONTROL.perSecond)
  readonly #pieces = new BurstLimit(PIECES.burst, PIECES.perSecond)

  /** `engine`: its name, for the error. */
  constructor(engine: string) {
    this.#engine = engine
  }

  /** What is wrong with an event; `undefined` for one that may come. */
  fault(event: SpeechToSpeechEvent, nowMs: number): BackendError | undefined {
    const isPiece = event._tag === "ReplyAudio" || event._tag === "ReplyText"
    const longest = isPiece ? MAX_PIECE_TEXT : MAX_TEXT
    if ("text" in event && event.text.length > longest) {
      return tooMuch(op, this.#engine, `a text of more than ${longest} characters`)
    }
    const limit = isPiece ? this.#pieces : this.#control
    if (limit.takes(1, nowMs)) return undefined
    return tooMuch(op, this.#engine, `more than ${(isPiece ? PIECES : CONTROL).perSecond} events a second`)
  }
}
