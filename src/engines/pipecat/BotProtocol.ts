/**
 * What a bot's frames mean for a session: its replies, with their audio and words, and what it hears the user do.
 *
 * A reply begins with the first audio after the bot has said that it thinks or speaks (`bot-llm-started`,
 * `bot-tts-started`, `bot-started-speaking`), and ends with `bot-stopped-speaking` when nothing of it is in the making:
 * `bot-tts-stopped` tells of synthesis, which is over long before. An `interruption` frame ends what may be heard at once;
 * a chunk may still follow it, and is dropped. Pure and synchronous.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { BackendError } from "../../BackendError.ts"
import type { SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"
import type { PipecatFrame, UnknownFrame } from "../../wire/PipecatFrames.ts"
import { samplesOf } from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import { BotWordTiming } from "./BotWordTiming.ts"

/**
 * What came of a frame: events of the session; the bot is ready; it has a fault (a `fatal` one ends it); its audio is at
 * another rate than ours, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export type BotEvent =
  | SpeechToSpeechEvent
  | { readonly _tag: "BotReady" }
  | { readonly _tag: "BotFault"; readonly message: string; readonly fatal: boolean }
  | { readonly _tag: "OtherRate"; readonly sampleRate: number }

/** Audio that came before the bot said that it speaks: `bot-started-speaking` follows its first chunk. */
const MAX_HELD = 4
/** Silence after a reply that was spoken faster than its words were expected. */
const TAIL_MS = 20
/** A bot's own words about its fault are cut to this. */
const MAX_FAULT_LENGTH = 200

interface Reply {
  readonly name: string
  readonly words: BotWordTiming
  samples: number
}

/**
 * The talk of one bot, from its connection on.
 *
 * @category models
 * @since 0.1.0
 */
export class BotProtocol {
  readonly #rate: number
  readonly #emit: (event: BotEvent) => void
  readonly #nextName: () => string
  #reply: Reply | undefined
  /** Words of a reply whose audio has not begun. */
  #words = new BotWordTiming()
  /** Its audio counts. */
  #open = false
  #thinking = false
  #synthesizing = 0
  #speaking = false
  /** The present reply has begun to be heard. */
  #spoke = false
  #held: Array<Int16Array> = []
  /** How the bot tells the words of this reply beforehand: the first way counts, for it may tell them in several. */
  #told: "bot-llm-text" | "bot-transcription" | "bot-output" | undefined

  /** `rate` in Hz, of the bot's audio; `nextName` gives each reply a name of its own. */
  constructor(rate: number, nextName: () => string, emit: (event: BotEvent) => void) {
    this.#rate = rate
    this.#nextName = nextName
    this.#emit = emit
  }

  /** Takes what the bot sent. */
  receive(frame: PipecatFrame | UnknownFrame): void {
    switch (frame._tag) {
      case "Audio":
        return frame.sampleRate === this.#rate
          ? this.#audio(samplesOf(frame))
          : this.#emit({ _tag: "OtherRate", sampleRate: frame.sampleRate })
      case "Interruption":
        return this.#interrupted()
      case "Message": {
        const message = Rtvi.decode(frame.data)
        // a bot may send messages of its application's own
        return Result.isSuccess(message) ? this.#message(message.success) : undefined
      }
      // what RTVI tells as well
      case "Text":
      case "Transcription":
      case "Unknown":
    }
  }

  /** Stops a reply. `true` when it is the bot's present one, which has to be told. */
  truncate(name: string): boolean {
    if (this.#reply?.name !== name || !this.#open) return false
    this.#close()
    return true
  }

  /** The bot is gone: what it was saying has failed. */
  lost(error: BackendError): void {
    const reply = this.#reply
    this.#reply = undefined
    this.#close()
    if (reply !== undefined) this.#emit({ _tag: "ReplyFailed", reply: reply.name, error })
  }

  #close(): void {
    this.#open = false
    this.#thinking = false
    this.#synthesizing = 0
    this.#held = []
    this.#words = new BotWordTiming()
  }

  #interrupted(): void {
    this.#close()
    // one that speaks is told to have stopped right after
    if (!this.#speaking) this.#end(false)
  }

  #audio(pcm: Int16Array): void {
    if (pcm.length === 0) return
    if (!this.#open) {
      if (this.#held.push(pcm) > MAX_HELD) this.#held.shift()
      return
    }
    let reply = this.#reply
    if (reply === undefined) {
      reply = { name: this.#nextName(), words: this.#words, samples: 0 }
      this.#reply = reply
      this.#words = new BotWordTiming()
      this.#emit({ _tag: "ReplyStarted", reply: reply.name })
    }
    const text = reply.words.take(reply.samples * 1_000 / this.#rate)
    reply.samples += pcm.length
    this.#emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
  }

  #begin(): void {
    if (this.#open) return
    // a former one that was interrupted, and never said to have stopped
    this.#end(false)
    this.#open = true
    this.#told = undefined
    this.#held = []
  }

  #end(whole: boolean): void {
    const reply = this.#reply
    if (reply === undefined) return
    this.#reply = undefined
    this.#spoke = false
    const text = reply.words.rest(whole)
    if (text !== "" && whole) {
      // words need audio to go with
      const pcm = new Int16Array(this.#rate * TAIL_MS / 1_000)
      this.#emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
    }
    this.#emit({ _tag: "ReplyEnded", reply: reply.name })
  }

  /** Ends the reply if nothing of it is in the making. */
  #settle(): void {
    if (this.#speaking || this.#thinking || this.#synthesizing > 0) return
    this.#end(this.#open)
    if (this.#reply === undefined) this.#open = false
  }

  #message({ data, type }: Rtvi.RtviMessage): void {
    switch (type) {
      case "bot-ready":
        return this.#emit({ _tag: "BotReady" })
      case "error":
        return this.#emit({
          _tag: "BotFault",
          message: (Rtvi.textField(data, "error") ?? "an error without a message").slice(0, MAX_FAULT_LENGTH),
          fatal: Rtvi.field(data, "fatal") === true
        })
      case "user-started-speaking":
        return this.#emit({ _tag: "UserSpeechStarted" })
      case "user-stopped-speaking":
        return this.#emit({ _tag: "UserSpeechStopped" })
      case "user-transcription": {
        const text = Rtvi.textField(data, "text")?.trim() ?? ""
        if (text === "") return
        return this.#emit({ _tag: "UserTranscript", text, final: Rtvi.field(data, "final") !== false })
      }
      case "bot-llm-started":
        this.#begin()
        this.#thinking = true
        return
      case "bot-llm-stopped":
        this.#thinking = false
        if (this.#open) this.#present.written(this.#playedMs)
        return this.#spoke ? this.#settle() : undefined
      case "bot-tts-started":
        this.#begin()
        this.#synthesizing++
        return
      case "bot-tts-stopped":
        this.#synthesizing = Math.max(0, this.#synthesizing - 1)
        return this.#spoke ? this.#settle() : undefined
      case "bot-started-speaking": {
        const held = this.#held
        this.#speaking = true
        if (!this.#open) {
          this.#begin()
          for (const pcm of held) this.#audio(pcm)
        }
        this.#spoke = true
        return
      }
      case "bot-stopped-speaking":
        this.#speaking = false
        return this.#settle()
      case "bot-llm-text":
      case "bot-transcription":
      case "bot-output":
        return this.#planned(type, data)
      case "bot-tts-text":
        if (this.#open) this.#present.spoken(Rtvi.textField(data, "text") ?? "")
    }
  }

  get #present(): BotWordTiming {
    return this.#reply?.words ?? this.#words
  }

  get #playedMs(): number {
    return (this.#reply?.samples ?? 0) * 1_000 / this.#rate
  }

  #planned(type: "bot-llm-text" | "bot-transcription" | "bot-output", data: unknown): void {
    if (!this.#open) return
    if (type === "bot-output") {
      const status = Rtvi.field(data, "spoken_status")
      const first = status === undefined || status === null || status === "new"
      if (!first || Rtvi.field(data, "aggregated_by") !== "sentence" || Rtvi.field(data, "will_be_spoken") === false) {
        return
      }
    }
    this.#told ??= type
    if (this.#told !== type) return
    const text = Rtvi.textField(data, "text") ?? ""
    if (type === "bot-llm-text") this.#present.piece(text, this.#playedMs)
    else this.#present.sentence(text, this.#playedMs)
  }
}
