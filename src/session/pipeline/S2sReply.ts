/**
 * One reply of a speech-to-speech model: what has come of it, what of that was given to playout, and what was heard.
 *
 * Events are taken synchronously, as fast as the model makes them, and read at the pace of playout. They are bounded by
 * audio time and by memory, not by their number, so that a long answer is played to its end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { BackendError } from "../../BackendError.ts"
import type { SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"

/**
 * An event of a reply that has begun.
 *
 * @category models
 * @since 0.1.0
 */
export type ReplyEvent = Exclude<
  Extract<SpeechToSpeechEvent, { readonly reply: string }>,
  { readonly _tag: "ReplyStarted" }
>

type Of<Tag extends ReplyEvent["_tag"]> = Extract<ReplyEvent, { readonly _tag: Tag }>

/**
 * What is read next of a reply: audio, all that waits of it; a piece of text that the model wrote; its end.
 *
 * @category models
 * @since 0.1.0
 */
export type Piece =
  | { readonly _tag: "Audio"; readonly chunks: ReadonlyArray<Of<"ReplyAudio">> }
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "End"; readonly error: BackendError | undefined }

/**
 * - `sampleRate`: of the model's audio, in Hz.
 * - `speaksText`: what the model writes is spoken, and counts as an answer.
 * - `mayBeSilent`: it is asked for a text without a word, so no sound is no failure.
 * - `now`: the monotonic clock, in ms.
 * - `stallMs`: how long the model may send nothing while no tool runs.
 * - `stalled`, `empty`, `tooLong`: the errors of a reply that stalls, of one without audio, text or tool call, and of one that
 *   reaches its bound.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sReplyOptions {
  readonly sampleRate: number
  readonly speaksText: boolean
  readonly mayBeSilent: boolean
  readonly now: () => number
  readonly stallMs: number
  readonly stalled: () => BackendError
  readonly empty: () => BackendError
  readonly tooLong: () => BackendError
}

/**
 * The most audio of one reply, in ms: 15 min. What was made until then is played to its end, and the reply has failed.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_REPLY_MS = 15 * 60_000

/** The most memory of one reply, in bytes: `MAX_REPLY_MS` at 48 kHz, which leaves room for texts at the usual rates. */
const MAX_REPLY_BYTES = MAX_REPLY_MS * 48 * 2
/** The memory of the objects that hold a piece, in bytes, about. */
const PIECE_BYTES = 512
/** Tool calls of one reply that wait to be run. */
const MAX_CALLS = 64
/** Samples up to this size are silence: -60 dB of full scale. */
const SILENCE = 32
/** Sums of piece lengths in ms are exact to this. */
const ROUNDING_MS = 0.001

const hasSound = (pcm: Int16Array): boolean => pcm.some((sample) => sample > SILENCE || sample < -SILENCE)

/** A stretch of it within the conversation's reply, in ms from the first frame there. */
interface Stretch {
  /** The model's own audio, and not a voice that speaks its text. */
  readonly byModel: boolean
  readonly fromMs: number
  toMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class S2sReply {
  readonly name: string
  readonly #options: S2sReplyOptions
  #pieces: Array<Of<"ReplyAudio"> | Of<"ReplyText">> = []
  #calls: Array<Of<"ToolCall">> = []
  #end: Extract<Piece, { readonly _tag: "End" }> | undefined
  #madeMs = 0
  #bytes = 0
  #answers: boolean
  /** Tool calls that are running. */
  #running = 0
  /** When the model sent something or was given a result, in ms of the monotonic clock. */
  #activeAt: number
  readonly #stretches: Array<Stretch> = []
  readonly #more = Latch.makeUnsafe(false)
  readonly #moreCalls = Latch.makeUnsafe(false)

  constructor(name: string, options: S2sReplyOptions) {
    this.name = name
    this.#options = options
    this.#answers = options.mayBeSilent
    this.#activeAt = options.now()
  }

  /** How much audio the model has made, in ms. */
  get madeMs(): number {
    return this.#madeMs
  }

  /** Whether it has neither sound nor text nor tool call. */
  get isEmpty(): boolean {
    return !this.#answers
  }

  /**
   * Takes an event of the model; of a reply that has ended, nothing more. Returns `false` when it is not taken whole: the
   * reply has reached its bound and ends here, or has too many tool calls.
   */
  take(event: ReplyEvent): boolean {
    if (this.#end !== undefined) return true
    this.#activeAt = this.#options.now()
    switch (event._tag) {
      case "ReplyAudio": {
        const { pcm, text } = event
        if (pcm.length === 0 && text === "") return true
        this.#answers ||= hasSound(pcm)
        this.#madeMs += pcm.length * 1_000 / this.#options.sampleRate
        return this.#add(event, pcm.byteLength + 2 * text.length)
      }
      case "ReplyText":
        if (!this.#options.speaksText || event.text === "") return true
        this.#answers ||= event.text.trim() !== ""
        return this.#add(event, 2 * event.text.length)
      case "ToolCall":
        this.#answers = true
        if (this.#calls.length >= MAX_CALLS) return false
        this.#calls.push(event)
        this.#moreCalls.openUnsafe()
        return true
      case "ReplyEnded":
        this.#finish(this.#answers ? undefined : this.#options.empty())
        return true
      case "ReplyFailed":
        this.#finish(event.error)
        return true
    }
  }

  /** Ends it with this error, unless it has ended. */
  fail(error: BackendError): void {
    if (this.#end === undefined) this.#finish(error)
  }

  /** What comes next, in order; the end again and again. Fails when the model sends nothing for too long. */
  readonly next: Effect.Effect<Piece, BackendError> = Effect.suspend(() => {
    const piece = this.#read()
    return piece === undefined ? Effect.andThen(this.#wait, this.next) : Effect.succeed(piece)
  })

  /** The next piece of text; `undefined` when the model goes on with something else. Fails with a reply that breaks off. */
  readonly nextText: Effect.Effect<string | undefined, BackendError> = Effect.suspend(() => {
    const first = this.#pieces[0]
    if (first === undefined && this.#end === undefined) return Effect.andThen(this.#wait, this.nextText)
    if (first === undefined && this.#end?.error !== undefined) return Effect.fail(this.#end.error)
    const piece = first?._tag === "ReplyText" ? this.#read() : undefined
    return Effect.succeed(piece?._tag === "Text" ? piece.text : undefined)
  })

  /** Waits for the model; shorter than that after a tool result, so it must be asked again. */
  readonly #wait: Effect.Effect<void, BackendError> = Effect.suspend(() => {
    const { now, stallMs, stalled } = this.#options
    const leftMs = this.#running > 0 ? stallMs : this.#activeAt + stallMs - now()
    if (leftMs <= 0) return Effect.fail(stalled())
    this.#more.closeUnsafe()
    return Effect.timeoutOrElse(this.#more.await, { duration: Math.ceil(leftMs), orElse: () => Effect.void })
  })

  /** The next tool call; it runs until `callFinished`. */
  readonly nextCall: Effect.Effect<Of<"ToolCall">> = Effect.suspend(() => {
    const call = this.#calls.shift()
    if (call !== undefined) {
      this.#running++
      return Effect.succeed(call)
    }
    this.#moreCalls.closeUnsafe()
    return Effect.andThen(this.#moreCalls.await, this.nextCall)
  })

  /** The model was given the result of a tool call, and its time to go on begins. */
  callFinished(): void {
    this.#running--
    this.#activeAt = this.#options.now()
    this.#more.openUnsafe()
  }

  /** So many ms of it were given to playout, after `fromMs` of the conversation's reply. */
  handedOver(fromMs: number, ms: number, byModel: boolean): void {
    const last = this.#stretches.at(-1)
    if (last?.byModel === byModel && last.toMs === fromMs) last.toMs += ms
    else this.#stretches.push({ byModel, fromMs, toMs: fromMs + ms })
  }

  /**
   * How much of it was heard, in ms, when `playedMs` of the conversation's reply was played: of its own audio, or where it
   * has none, of the voice that spoke its text. `undefined` when all of it was heard.
   */
  heardMs(playedMs: number): number | undefined {
    const whole = this.#end !== undefined && this.#pieces.length === 0
    if (whole && this.#stretches.every(({ toMs }) => playedMs >= toMs - ROUNDING_MS)) return undefined
    const own = this.#stretches.filter(({ byModel }) => byModel)
    let heardMs = 0
    for (const { fromMs, toMs } of own.length > 0 ? own : this.#stretches) {
      heardMs += Math.min(Math.max(playedMs - fromMs, 0), toMs - fromMs)
    }
    return heardMs
  }

  #add(piece: Of<"ReplyAudio"> | Of<"ReplyText">, bytes: number): boolean {
    this.#pieces.push(piece)
    this.#bytes += bytes + PIECE_BYTES
    const fits = this.#madeMs < MAX_REPLY_MS && this.#bytes < MAX_REPLY_BYTES
    if (fits) this.#more.openUnsafe()
    else this.#finish(this.#options.tooLong())
    return fits
  }

  #finish(error: BackendError | undefined): void {
    this.#end = { _tag: "End", error }
    this.#more.openUnsafe()
  }

  #read(): Piece | undefined {
    const first = this.#pieces[0]
    if (first === undefined) return this.#end
    if (first._tag === "ReplyText") {
      this.#pieces.shift()
      this.#bytes -= 2 * first.text.length + PIECE_BYTES
      return { _tag: "Text", text: first.text }
    }
    const chunks: Array<Of<"ReplyAudio">> = []
    for (const piece of this.#pieces) {
      if (piece._tag !== "ReplyAudio") break
      chunks.push(piece)
      this.#bytes -= piece.pcm.byteLength + 2 * piece.text.length + PIECE_BYTES
    }
    this.#pieces = this.#pieces.slice(chunks.length)
    return { _tag: "Audio", chunks }
  }
}
