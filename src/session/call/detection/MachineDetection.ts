/**
 * Finds out whether a person or an answering machine has answered a call, waits for the machine's beep, and says what is to be
 * done. A pure state machine; it is bounded by the audio that it is given, and by `expire` where none comes.
 *
 * Three things decide: the timing of the first seconds, what is said (which also corrects the timing later on), and the beep. Or
 * the carrier does, by its own detection.
 *
 * @since 0.1.0
 */
import { BeepDetector } from "../../../audio/BeepDetector.ts"
import { defaultThresholds, type GreetingThresholds, GreetingTiming } from "./GreetingTiming.ts"
import * as MachinePhrases from "./MachinePhrases.ts"
import { VoiceLevel } from "./VoiceLevel.ts"

/**
 * - `policy`: what to do when a machine has answered: end the call, leave a message after the beep, or nothing.
 * - `own`: whether the audio and the words decide; else only the carrier does.
 * - `thresholds`: Default: Asterisk's.
 * - `endSilenceMs`: a machine that was silent for so long records, whether it has beeped or not. Default: 4,000.
 * - `beepTimeoutMs`: how long the beep is awaited; then the message is left all the same. Default: 30,000.
 * - `listenMs`: how long words and beeps can still tell that it is a machine. Default: 30,000.
 * - `language`: what is spoken, BCP 47.
 *
 * @category models
 * @since 0.1.0
 */
export interface DetectionOptions {
  /** In Hz; of the audio. */
  readonly sampleRate: number
  readonly policy: "hang_up" | "leave_message" | "go_on"
  readonly own: boolean
  readonly thresholds?: GreetingThresholds | undefined
  readonly endSilenceMs?: number | undefined
  readonly beepTimeoutMs?: number | undefined
  readonly listenMs?: number | undefined
  readonly language?: string | undefined
}

/**
 * What to do, in order.
 *
 * - `Report`: tell who has answered; `beep`: the machine records from now on.
 * - `Wait`: the machine is speaking: nothing is said to it, and it is not answered.
 * - `HangUp`, `LeaveMessage`: end the call; say the message, and then end it.
 * - `GoOn`: the conversation begins, or goes on.
 *
 * @category models
 * @since 0.1.0
 */
export type DetectionCommand =
  | {
    readonly _tag: "Report"
    readonly result: "human" | "machine" | "unknown" | "beep"
    readonly by: "carrier" | "audio" | "words"
  }
  | { readonly _tag: "Wait" }
  | { readonly _tag: "HangUp" }
  | { readonly _tag: "LeaveMessage" }
  | { readonly _tag: "GoOn" }

type By = Extract<DetectionCommand, { readonly _tag: "Report" }>["by"]

const nothing: ReadonlyArray<DetectionCommand> = []
/** What was said last, to find a phrase that two transcripts have together. */
const MAX_SAID = 400
/** The longest piece of audio that is judged as one. */
const PIECE_MS = 20

/**
 * @category models
 * @since 0.1.0
 */
export class MachineDetection {
  readonly #options: DetectionOptions
  readonly #timing: GreetingTiming
  readonly #level = new VoiceLevel()
  readonly #beeps: BeepDetector
  readonly #piece: number
  #phase: "deciding" | "answered" | "waiting" | "done" = "deciding"
  #totalMs = 0
  /** Since the machine was found, and of its silence after words. */
  #waitedMs = 0
  #silenceMs = 0
  #said = ""

  constructor(options: DetectionOptions) {
    this.#options = options
    this.#timing = new GreetingTiming(options.thresholds ?? defaultThresholds)
    this.#beeps = new BeepDetector(options.sampleRate)
    this.#piece = Math.max(1, Math.round(options.sampleRate * PIECE_MS / 1_000))
  }

  /** Whether nothing more can be found out. */
  get isDone(): boolean {
    return this.#phase === "done"
  }

  /** Whether it is still to be found out who has answered. */
  get isDeciding(): boolean {
    return this.#phase === "deciding"
  }

  /** Takes the next audio of the far end. */
  audio(samples: Int16Array): ReadonlyArray<DetectionCommand> {
    if (this.#phase === "done") return nothing
    let commands: Array<DetectionCommand> | undefined
    for (let at = 0; at < samples.length && !this.isDone; at += this.#piece) {
      const found = this.#pieceOf(samples.subarray(at, at + this.#piece))
      if (found.length > 0) (commands ??= []).push(...found)
    }
    return commands ?? nothing
  }

  /** Takes what the far end has said: a transcript, final or not yet. */
  words(text: string, final: boolean): ReadonlyArray<DetectionCommand> {
    if (this.#phase === "done" || !this.#options.own) return nothing
    const said = `${this.#said} ${text}`.slice(-MAX_SAID)
    if (final) this.#said = said
    if (this.#phase === "waiting") return nothing
    return MachinePhrases.isMachine(said, this.#options.language) ? this.#found("machine", "words") : nothing
  }

  /** Takes what the carrier has found out; `beep` stands for the end of the machine's greeting. */
  carrier(result: "human" | "machine" | "unknown" | "beep"): ReadonlyArray<DetectionCommand> {
    if (this.#phase === "done") return nothing
    if (result !== "beep") return this.#phase === "waiting" ? nothing : this.#found(result, "carrier")
    const machine = this.#phase === "waiting" ? nothing : this.#found("machine", "carrier")
    return [...machine, ...this.#beep("carrier")]
  }

  /** Nothing was heard for so long that it is to be decided without. */
  expire(): ReadonlyArray<DetectionCommand> {
    switch (this.#phase) {
      case "deciding":
        return this.#found("unknown", this.#options.own ? "audio" : "carrier")
      case "waiting":
        return this.#leave()
      default:
        this.#phase = "done"
        return nothing
    }
  }

  #pieceOf(samples: Int16Array): ReadonlyArray<DetectionCommand> {
    const { beepTimeoutMs = 30_000, endSilenceMs = 4_000, listenMs = 30_000, own, sampleRate } = this.#options
    const ms = samples.length * 1_000 / sampleRate
    const beep = this.#beeps.push(samples)
    const voiced = this.#level.push(samples)
    this.#totalMs += ms
    if (this.#phase === "waiting") {
      this.#waitedMs += ms
      this.#silenceMs = voiced ? 0 : this.#silenceMs + ms
      if (beep) return this.#beep("audio")
      return this.#silenceMs >= endSilenceMs || this.#waitedMs >= beepTimeoutMs ? this.#leave() : nothing
    }
    if (own && beep) return [...this.#found("machine", "audio"), ...this.#beep("audio")]
    if (this.#phase === "answered") {
      if (this.#totalMs >= listenMs) this.#phase = "done"
      return nothing
    }
    const result = own ? this.#timing.push(voiced, ms) : undefined
    return result === undefined ? nothing : this.#found(result, "audio")
  }

  /** It is known who has answered; a machine may be found after a person was. */
  #found(result: "human" | "machine" | "unknown", by: By): ReadonlyArray<DetectionCommand> {
    const report: DetectionCommand = { _tag: "Report", result, by }
    if (result !== "machine") {
      if (this.#phase !== "deciding") return nothing
      this.#phase = "answered"
      return [report, { _tag: "GoOn" }]
    }
    const wasDeciding = this.#phase === "deciding"
    switch (this.#options.policy) {
      case "hang_up":
        this.#phase = "done"
        return [report, { _tag: "HangUp" }]
      case "leave_message":
        this.#phase = "waiting"
        return [report, { _tag: "Wait" }]
      case "go_on":
        // the conversation goes on; the beep is still reported
        this.#phase = "waiting"
        return wasDeciding ? [report, { _tag: "GoOn" }] : [report]
    }
  }

  #beep(by: By): ReadonlyArray<DetectionCommand> {
    if (this.#phase !== "waiting") return nothing
    return [{ _tag: "Report", result: "beep", by }, ...this.#leave()]
  }

  #leave(): ReadonlyArray<DetectionCommand> {
    this.#phase = "done"
    return this.#options.policy === "leave_message" ? [{ _tag: "LeaveMessage" }] : nothing
  }
}
