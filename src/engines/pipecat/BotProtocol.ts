/**
 * Translates a bot's frames to events of a session: replies with their audio and text, the user's speech and transcripts.
 *
 * A reply begins with the first audio after `bot-llm-started`, `bot-tts-started` or `bot-started-speaking`, and ends with
 * `bot-stopped-speaking` when neither the model nor the synthesis is running: `bot-tts-stopped` only reports the end of
 * synthesis, which is long before the end of playout. An `interruption` frame cancels the reply at once; audio that still
 * follows it is dropped. Pure and synchronous.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { BackendError } from "../../BackendError.ts"
import type { SpeechToSpeechEvent } from "../../speech/SpeechToSpeech.ts"
import type { PipecatFrame, UnknownFrame } from "../../wire/PipecatFrames.ts"
import { audioDecoder } from "../../wire/PipecatFrames.ts"
import * as Rtvi from "../../wire/Rtvi.ts"
import { BotWordTiming } from "./BotWordTiming.ts"

/**
 * The result of a frame: an event of the session; the bot is ready; it reported an error (a `fatal` one ends it); its audio
 * has another sample rate, in Hz, than configured.
 *
 * @category models
 * @since 0.1.0
 */
export type BotEvent =
  | SpeechToSpeechEvent
  | { readonly _tag: "BotReady" }
  | { readonly _tag: "BotError"; readonly message: string; readonly fatal: boolean }
  | { readonly _tag: "UnexpectedSampleRate"; readonly sampleRate: number }

/** Chunks of audio kept from before the reply begins: `bot-started-speaking` follows the first chunk. */
const MAX_EARLY = 4
/** Silence that carries the last words of a reply whose audio was shorter than expected. */
const TAIL_MS = 20
/** A bot's error message is cut to this length. */
const MAX_ERROR_LENGTH = 200

interface Reply {
  readonly name: string
  readonly words: BotWordTiming
  samples: number
}

/**
 * The protocol state of one connection to a bot.
 *
 * @category models
 * @since 0.1.0
 */
export class BotProtocol {
  readonly #rate: number
  readonly #emit: (event: BotEvent) => void
  readonly #nextName: () => string
  #reply: Reply | undefined
  /** The words of a reply whose audio has not begun. */
  #words = new BotWordTiming()
  /** Whether audio belongs to a reply. */
  #open = false
  #thinking = false
  #synthesizing = 0
  #speaking = false
  /** Whether playout of the current reply has begun. */
  #hasSpoken = false
  #early: Array<Int16Array> = []
  readonly #samplesOf = audioDecoder()
  /** The message type from which the text of this reply is taken: the first one, as bots send the same text in several. */
  #textSource: "bot-llm-text" | "bot-transcription" | "bot-output" | undefined

  /** `rate`: the sample rate of the bot's audio, in Hz; `nextName`: a unique name for each reply. */
  constructor(rate: number, nextName: () => string, emit: (event: BotEvent) => void) {
    this.#rate = rate
    this.#nextName = nextName
    this.#emit = emit
  }

  /** Handles a frame of the bot. */
  receive(frame: PipecatFrame | UnknownFrame): void {
    switch (frame._tag) {
      case "Audio":
        return frame.sampleRate === this.#rate
          ? this.#onAudio(this.#samplesOf(frame))
          : this.#emit({ _tag: "UnexpectedSampleRate", sampleRate: frame.sampleRate })
      case "Interruption":
        return this.#onInterruption()
      case "Message": {
        const message = Rtvi.decode(frame.data)
        // other messages are the application's own
        return Result.isSuccess(message) ? this.#onMessage(message.success) : undefined
      }
      // RTVI messages carry the same
      case "Text":
      case "Transcription":
      case "Unknown":
    }
  }

  /** Cancels a reply. Returns true when it is the bot's current one, so that the bot must be interrupted. */
  truncate(name: string): boolean {
    if (this.#reply?.name !== name || !this.#open) return false
    this.#close()
    return true
  }

  /** The connection is lost: fails the current reply. */
  disconnected(error: BackendError): void {
    const reply = this.#reply
    this.#reply = undefined
    this.#close()
    if (reply !== undefined) this.#emit({ _tag: "ReplyFailed", reply: reply.name, error })
  }

  #close(): void {
    this.#open = false
    this.#thinking = false
    this.#synthesizing = 0
    this.#early = []
    this.#words = new BotWordTiming()
  }

  #onInterruption(): void {
    this.#close()
    // a bot that speaks sends `bot-stopped-speaking` next
    if (!this.#speaking) this.#end(false)
  }

  #onAudio(pcm: Int16Array): void {
    if (pcm.length === 0) return
    if (!this.#open) {
      if (this.#early.push(pcm) > MAX_EARLY) this.#early.shift()
      return
    }
    let reply = this.#reply
    if (reply === undefined) {
      reply = { name: this.#nextName(), words: this.#words, samples: 0 }
      this.#reply = reply
      this.#words = new BotWordTiming()
      this.#emit({ _tag: "ReplyStarted", reply: reply.name })
    }
    const text = reply.words.takeDue(reply.samples * 1_000 / this.#rate)
    reply.samples += pcm.length
    this.#emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
  }

  #begin(): void {
    if (this.#open) return
    // an interrupted reply for which the bot sent no `bot-stopped-speaking`
    this.#end(false)
    this.#open = true
    this.#textSource = undefined
    this.#early = []
  }

  #end(whole: boolean): void {
    const reply = this.#reply
    if (reply === undefined) return
    this.#reply = undefined
    this.#hasSpoken = false
    const text = reply.words.takeRest(whole)
    if (text !== "" && whole) {
      // text can only be sent with audio
      const pcm = new Int16Array(this.#rate * TAIL_MS / 1_000)
      this.#emit({ _tag: "ReplyAudio", reply: reply.name, pcm, text })
    }
    this.#emit({ _tag: "ReplyEnded", reply: reply.name })
  }

  /** Ends the reply unless the model, the synthesis or the playout is running. */
  #endIfDone(): void {
    if (this.#speaking || this.#thinking || this.#synthesizing > 0) return
    this.#end(this.#open)
    if (this.#reply === undefined) this.#open = false
  }

  #onMessage({ data, type }: Rtvi.RtviMessage): void {
    switch (type) {
      case "bot-ready":
        return this.#emit({ _tag: "BotReady" })
      case "error":
        return this.#emit({
          _tag: "BotError",
          message: (Rtvi.textField(data, "error") ?? "an error without a message").slice(0, MAX_ERROR_LENGTH),
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
        if (this.#open) this.#currentWords.endText(this.#playedMs)
        return this.#hasSpoken ? this.#endIfDone() : undefined
      case "bot-tts-started":
        this.#begin()
        this.#synthesizing++
        return
      case "bot-tts-stopped":
        this.#synthesizing = Math.max(0, this.#synthesizing - 1)
        return this.#hasSpoken ? this.#endIfDone() : undefined
      case "bot-started-speaking": {
        const early = this.#early
        this.#speaking = true
        if (!this.#open) {
          this.#begin()
          for (const pcm of early) this.#onAudio(pcm)
        }
        this.#hasSpoken = true
        return
      }
      case "bot-stopped-speaking":
        this.#speaking = false
        return this.#endIfDone()
      case "bot-llm-text":
      case "bot-transcription":
      case "bot-output":
        return this.#onText(type, data)
      case "bot-tts-text":
        if (this.#open) this.#currentWords.addSpoken(Rtvi.textField(data, "text") ?? "")
    }
  }

  get #currentWords(): BotWordTiming {
    return this.#reply?.words ?? this.#words
  }

  get #playedMs(): number {
    return (this.#reply?.samples ?? 0) * 1_000 / this.#rate
  }

  #onText(type: "bot-llm-text" | "bot-transcription" | "bot-output", data: unknown): void {
    if (!this.#open) return
    if (type === "bot-output") {
      const status = Rtvi.field(data, "spoken_status")
      const first = status === undefined || status === null || status === "new"
      if (!first || Rtvi.field(data, "aggregated_by") !== "sentence" || Rtvi.field(data, "will_be_spoken") === false) {
        return
      }
    }
    this.#textSource ??= type
    if (this.#textSource !== type) return
    const text = Rtvi.textField(data, "text") ?? ""
    if (type === "bot-llm-text") this.#currentWords.planText(text, this.#playedMs)
    else this.#currentWords.planWords(text, this.#playedMs)
  }
}
