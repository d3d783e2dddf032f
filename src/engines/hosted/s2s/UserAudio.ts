/**
 * The user's audio on its way to a hosted model: what is held back while the user is silent, and what is sent again on the
 * next connection because it was not answered.
 *
 * @since 0.1.0
 */
import type { VoiceActivity } from "../../../speech/VoiceActivityDetector.ts"
import { UtteranceBuffer } from "./UtteranceBuffer.ts"

/** Audio buffered while the user is silent, in s: the start of the next utterance. */
const PRE_ROLL = 1
/** Audio buffered while the user speaks, at most, in s. */
const MAX_UTTERANCE = 60
/** Sound that did not become a turn is discarded after so much silence, in s. */
const MAX_SILENCE = 30
/** How long the model may take to hear an utterance in audio that was sent late, in s. */
const LATE = 5

/**
 * Options: `remote` is whether the model is the turn authority; `unanswered`: whether an answer to what was said is still to
 * come; `send`: sends audio to the model, when it is connected.
 *
 * @category models
 * @since 0.1.0
 */
export interface UserAudioOptions {
  readonly sampleRate: number
  readonly remote: boolean
  readonly now: () => number
  readonly unanswered: () => boolean
  readonly connected: () => boolean
  readonly send: (pcm: Int16Array) => void
  /** Sound did not become a turn. */
  readonly discard: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class UserAudio {
  readonly #options: UserAudioOptions
  /** The audio that has not been answered. */
  readonly #utterance = new UtteranceBuffer()
  /** With the model as turn authority: the audio while there was no connection. */
  readonly #lost = new UtteranceBuffer()
  /** Audio of a silent user, which was not sent. */
  readonly #preRoll = new UtteranceBuffer()
  #state: "quiet" | "speaking" | "paused" | "awaiting" = "quiet"
  #since = 0
  #quietSamples = 0
  /** For how many more samples the model may still hear an utterance in audio that was sent late. */
  #lateSamples = 0
  /** Whether audio of the previous connection is being sent again; its start was reported before. */
  replayed = false

  constructor(options: UserAudioOptions) {
    this.#options = options
  }

  /** `awaiting`: the turn has ended and its answer has not begun. */
  get state(): "quiet" | "speaking" | "paused" | "awaiting" {
    // a request that has failed or was cancelled awaits nothing
    const dropped = this.#state === "awaiting" && !this.#options.remote && !this.#options.unanswered()
    return dropped ? "quiet" : this.#state
  }

  set state(state: "quiet" | "speaking" | "paused" | "awaiting") {
    if (state === "awaiting") this.#since = this.#options.now()
    this.#state = state
  }

  /** Since when the answer is awaited, in ms. */
  get awaitedSince(): number | undefined {
    return this.#state === "awaiting" ? this.#since : undefined
  }

  /** What was said and not answered. */
  get chunks(): ReadonlyArray<Int16Array> {
    return this.#utterance.chunks
  }

  /** Takes audio. `kept` and `held`: it belongs to an utterance anyway; it is not sent yet. */
  push(pcm: Int16Array, kept: boolean, held: boolean): void {
    const { connected, discard, remote, sampleRate, send, unanswered } = this.#options
    const state = this.#state
    if (remote) {
      this.#lateSamples = Math.max(0, this.#lateSamples - pcm.length)
      const keep = kept || state !== "quiet" || this.#lateSamples > 0 || !connected() || unanswered()
      this.#utterance.push(pcm, (keep ? MAX_UTTERANCE : PRE_ROLL) * sampleRate)
      if (!connected()) this.#lost.push(pcm, MAX_UTTERANCE * sampleRate)
      return send(pcm)
    }
    if (state === "paused") {
      this.#quietSamples += pcm.length
      if (this.#quietSamples > MAX_SILENCE * sampleRate) {
        this.#state = "quiet"
        return discard()
      }
    }
    // silence is not sent
    if (state === "quiet" || state === "awaiting") return this.#preRoll.push(pcm, PRE_ROLL * sampleRate)
    this.#utterance.push(pcm, MAX_UTTERANCE * sampleRate)
    if (!held) send(pcm)
  }

  /** The backend's detector, where it decides turns. `held`: the utterance is not sent yet. */
  activity(activity: VoiceActivity, held: () => boolean): void {
    if (activity._tag === "SpeechStopped") {
      if (this.#state === "speaking") this.#state = "paused"
      this.#quietSamples = 0
      return
    }
    const begins = this.#state === "quiet" || this.#state === "awaiting"
    // what has been answered is not sent again
    if (begins && !this.#options.unanswered()) this.#utterance.clear()
    this.#state = "speaking"
    if (!begins) return
    const holds = held()
    for (const chunk of this.#preRoll.chunks) {
      this.#utterance.push(chunk, MAX_UTTERANCE * this.#options.sampleRate)
      if (!holds) this.#options.send(chunk)
    }
    this.#preRoll.clear()
  }

  /** An utterance begins where the model decides turns. */
  trim(): void {
    if (this.#lateSamples === 0) this.#utterance.trim(PRE_ROLL * this.#options.sampleRate)
  }

  /** A connection is being made. */
  connecting(): void {
    this.replayed = this.#state !== "quiet"
  }

  /** Sends what the former connection has lost. `unanswered`: what was said is to be answered. */
  replay(unanswered: boolean): void {
    const again = unanswered ? this.#utterance : this.#lost
    for (const chunk of again.chunks) this.#options.send(chunk)
    if (this.#lost.chunks.length > 0) this.#lateSamples = LATE * this.#options.sampleRate
    this.#lost.clear()
    if (this.#state === "awaiting") this.#since = this.#options.now()
  }
}
