/**
 * Recognises the streams of all sessions continuously, on one model: those that have enough new audio are decoded together.
 *
 * A step of each stream that is ready, then the messages that came meanwhile: no session waits longer for another than for one
 * step of all.
 *
 * @since 0.1.0
 */
import { setImmediate } from "node:timers"
import type { Reply, Request } from "./ChildProtocol.ts"
import type { OnlineRecognizer, OnlineStream } from "./Library.ts"

const RATE = 16_000
/** Streams that are decoded in one batch. */
const BATCH = 16
/**
 * Zeros after the end of an utterance, 1 s: a model gives its last words only when it has heard what follows them, and the
 * published ones look ahead up to 1 s.
 */
const TAIL = new Float32Array(RATE)

/**
 * Seconds after which a stream without words begins anew, and after which an utterance is split.
 *
 * @category constants
 * @since 0.1.0
 */
export const SILENCE_WITHOUT_WORDS = 2.4
/**
 * @category constants
 * @since 0.1.0
 */
export const LONGEST = 20

/** One session's. Its audio and marks are taken in order; none is taken while an utterance is being ended. */
interface Session {
  readonly id: number
  readonly waiting: Array<Int16Array | { readonly mark: number }>
  stream: OnlineStream
  /** What was reported of the utterance so far. */
  text: string
  /** The mark that the utterance is being ended for. */
  ending: number | undefined
}

const floats = (pcm: Int16Array): Float32Array => {
  const samples = new Float32Array(pcm.length)
  for (let i = 0; i < pcm.length; i++) samples[i] = pcm[i]! / 32768
  return samples
}

/**
 * @category models
 * @since 0.1.0
 */
export class Continuous {
  readonly #recognizer: OnlineRecognizer
  readonly #post: (reply: Reply) => void
  readonly #sessions = new Map<number, Session>()
  #scheduled = false

  constructor(recognizer: OnlineRecognizer, post: (reply: Reply) => void) {
    this.#recognizer = recognizer
    this.#post = post
  }

  /** Decodes something once, so that a model on which the library ends its process does that at the start. */
  warm(samples: Float32Array): void {
    const stream = this.#recognizer.createStream()
    stream.acceptWaveform({ sampleRate: RATE, samples })
    stream.acceptWaveform({ sampleRate: RATE, samples: TAIL })
    stream.inputFinished()
    while (this.#recognizer.isReady(stream)) this.#recognizer.decodeStreams([stream])
    this.#recognizer.getResult(stream)
  }

  handle(request: Request): void {
    const { id } = request
    if (request.type === "open") {
      this.#sessions.set(id, { id, waiting: [], stream: this.#recognizer.createStream(), text: "", ending: undefined })
      return
    }
    if (request.type === "close") {
      this.#sessions.delete(id)
      return
    }
    const session = this.#sessions.get(id)
    if (session === undefined) return
    if (request.type === "audio") session.waiting.push(request.pcm)
    else if (request.type === "finalize") session.waiting.push({ mark: request.mark })
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#step()
    })
  }

  /** Gives the library what waits until it has enough for a step, so that words and ends come in the order of the audio. */
  #feed(session: Session): void {
    let heard = 0
    while (session.ending === undefined && !this.#recognizer.isReady(session.stream)) {
      const next = session.waiting.shift()
      if (next === undefined) break
      if (next instanceof Int16Array) {
        heard += next.length
        session.stream.acceptWaveform({ sampleRate: RATE, samples: floats(next) })
      } else {
        session.ending = next.mark
        session.stream.acceptWaveform({ sampleRate: RATE, samples: TAIL })
        session.stream.inputFinished()
      }
    }
    if (heard > 0) this.#post({ type: "heard", id: session.id, samples: heard })
  }

  #step(): void {
    const ready: Array<Session> = []
    for (const session of this.#sessions.values()) {
      this.#feed(session)
      if (this.#recognizer.isReady(session.stream)) ready.push(session)
      else if (session.ending !== undefined) this.#end(session)
    }
    const batch = ready.slice(0, BATCH)
    if (batch.length > 0) this.#recognizer.decodeStreams(batch.map(({ stream }) => stream))
    for (const session of batch) {
      this.#report(session)
      // behind those that have waited
      this.#sessions.delete(session.id)
      this.#sessions.set(session.id, session)
    }
    if (ready.length > 0 || [...this.#sessions.values()].some(({ waiting }) => waiting.length > 0)) this.#schedule()
  }

  #report(session: Session): void {
    const { id, stream } = session
    const text = this.#recognizer.getResult(stream).text.trim()
    if (session.ending === undefined && this.#recognizer.isEndpoint(stream)) {
      if (text !== "") {
        this.#post({ type: "final", id, text })
        this.#post({ type: "endOfTurn", id })
      }
      this.#recognizer.reset(stream)
      session.text = ""
    } else if (session.ending === undefined && text !== "" && text !== session.text) {
      session.text = text
      this.#post({ type: "interim", id, text })
    }
  }

  /** The utterance is heard to its end: its words are final, and the next has a stream of its own. */
  #end(session: Session): void {
    const { ending: mark, id } = session
    if (mark === undefined) return
    const text = this.#recognizer.getResult(session.stream).text.trim()
    if (text !== "") this.#post({ type: "final", id, text })
    this.#post({ type: "finalized", id, mark })
    session.stream = this.#recognizer.createStream()
    session.ending = undefined
    session.text = ""
    this.#schedule()
  }
}
