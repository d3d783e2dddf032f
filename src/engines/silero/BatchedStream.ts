/**
 * One session's Silero detector whose windows are judged in a worker, together with those of all other sessions.
 *
 * Verdicts come back later, in order, and speak of positions in the audio: how long they took moves no boundary. While
 * nothing is to be heard at all the model is not asked; what came just before a sound is told to it first. A window that
 * cannot be judged in time, because the worker is behind or gone, changes nothing.
 *
 * @since 0.1.0
 */
import type { VoiceActivityStream } from "../../speech/VoiceActivityDetector.ts"
import { VadHysteresis, type VadHysteresisOptions } from "../local/VadHysteresis.ts"
import type { ModelRate } from "./BatchProtocol.ts"
import type { BatchScheduler, Place } from "./BatchScheduler.ts"
import { HalfBand } from "./HalfBand.ts"

/** Samples of a window at 16 kHz, 32 ms. */
const WINDOW = 512
/** Below this mean square (-60 dBFS) there is nothing to be heard. */
const QUIET = 1e-6
/** So many quiet windows in a row, 0.26 s, and the model is not asked any more. */
const FALL_ASLEEP = 8
/** Windows before a sound that the model hears first, so that it knows what is new: 96 ms. */
const LEAD = 3
/** Speech ends so much below the threshold at which it begins. */
const HYSTERESIS = 0.15
/** Windows of one session that wait for their verdicts, 20 s; beyond it none is sent. */
const MAX_WAITING = 640
/** Windows in a row that are told apart; nothing waits so long. */
const KEPT = 1_024

const SENT = 0
const WARMING = 1
const REFUSED = 2
const ASLEEP = 3

/**
 * @category models
 * @since 0.1.0
 */
export interface BatchedOptions extends VadHysteresisOptions {
  readonly rate: ModelRate
  readonly threshold: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class BatchedStream implements VoiceActivityStream {
  readonly #batches: BatchScheduler
  readonly #options: BatchedOptions
  readonly #gate: VadHysteresis
  readonly #window = new Float32Array(WINDOW)
  #filled = 0
  #energy = 0
  #position = 0
  /** Everything before has been judged. */
  #judgedTo = 0
  #place: Place
  /** What was last called speech. */
  #speech = false
  #quiet = 0
  /** The latest windows while asleep; `undefined` while awake. */
  #lead: Float32Array | undefined
  #leads = 0
  /** What has been asked and not been answered, in order, in a ring. */
  readonly #waiting = new Uint8Array(KEPT)
  #first = 0
  #count = 0
  #sent = 0
  #settling: Array<() => void> = []
  readonly #half: HalfBand | undefined
  #source: Float32Array
  readonly #write: (samples: Float32Array, at: number) => void

  constructor(batches: BatchScheduler, options: BatchedOptions) {
    this.#batches = batches
    this.#options = options
    this.#gate = new VadHysteresis(options)
    this.#source = this.#window
    const half = options.rate === 8_000 ? new HalfBand(WINDOW) : undefined
    this.#half = half
    this.#write = half === undefined
      ? (samples, at) => samples.set(this.#source, at)
      : (samples, at) => half.process(this.#source, samples, at)
    this.#place = this.#enter()
  }

  push(pcm: Int16Array): void {
    const window = this.#window
    for (let i = 0; i < pcm.length; i++) {
      const sample = pcm[i]! / 32768
      this.#energy += sample * sample
      window[this.#filled++] = sample
      if (this.#filled < WINDOW) continue
      this.#position += WINDOW
      const quiet = this.#energy < QUIET * WINDOW
      this.#filled = 0
      this.#energy = 0
      this.#hear(quiet)
    }
  }

  readonly settle = (settled: () => void): void => {
    if (this.#count === 0) settled()
    else this.#settling.push(settled)
  }

  readonly behind = (): number => this.#position - this.#judgedTo

  reset(): void {
    this.#position += this.#filled
    this.#filled = 0
    this.#energy = 0
    this.#leave()
    this.#place = this.#enter()
    this.#judgedTo = this.#position
    this.#gate.reset(this.#position)
  }

  /** No more comes of it. */
  close(): void {
    this.#leave()
  }

  #enter(): Place {
    return this.#batches.enter((speech) => this.#judged(speech))
  }

  #leave(): void {
    this.#batches.leave(this.#place)
    this.#half?.reset()
    this.#first = 0
    this.#count = 0
    this.#sent = 0
    this.#speech = false
    this.#quiet = 0
    this.#lead = undefined
    this.#settled()
  }

  #settled(): void {
    if (this.#count > 0 || this.#settling.length === 0) return
    for (const settled of this.#settling.splice(0)) settled()
  }

  #hear(quiet: boolean): void {
    if (this.#lead !== undefined) {
      if (quiet) return this.#sleep(this.#lead)
      this.#wake(this.#lead)
    }
    this.#source = this.#window
    if (this.#sent < MAX_WAITING && this.#batches.push(this.#place, this.#write)) this.#await(SENT)
    else if (this.#count === 0) this.#verdict(this.#speech)
    else this.#await(REFUSED)
    this.#quiet = quiet && !this.#gate.speaking && !this.#speech ? this.#quiet + 1 : 0
    if (this.#quiet < FALL_ASLEEP) return
    this.#lead = new Float32Array(LEAD * WINDOW)
    this.#leads = 0
  }

  #sleep(lead: Float32Array): void {
    lead.copyWithin(0, WINDOW)
    lead.set(this.#window, (LEAD - 1) * WINDOW)
    this.#leads = Math.min(LEAD, this.#leads + 1)
    if (this.#count === 0) this.#verdict(false)
    else this.#await(ASLEEP)
  }

  #wake(lead: Float32Array): void {
    this.#lead = undefined
    this.#quiet = 0
    this.#place.anew = true
    this.#half?.reset()
    for (let i = LEAD - this.#leads; i < LEAD; i++) {
      this.#source = lead.subarray(i * WINDOW, (i + 1) * WINDOW)
      if (this.#batches.push(this.#place, this.#write)) this.#await(WARMING)
    }
  }

  #await(kind: number): void {
    if (kind === SENT || kind === WARMING) this.#sent++
    // nothing waits so long: whoever is behind so far has missed what was said
    if (this.#count === KEPT) return this.reset()
    this.#waiting[(this.#first + this.#count++) % KEPT] = kind
  }

  #next(): number {
    const kind = this.#waiting[this.#first]!
    this.#first = (this.#first + 1) % KEPT
    this.#count--
    return kind
  }

  #judged(speech: number): void {
    const kind = this.#next()
    this.#sent--
    if (kind === SENT) {
      const { threshold } = this.#options
      this.#verdict(
        Number.isNaN(speech) ? this.#speech : speech >= (this.#speech ? threshold - HYSTERESIS : threshold)
      )
    }
    while (this.#count > 0 && this.#waiting[this.#first]! >= REFUSED) {
      this.#verdict(this.#next() === REFUSED && this.#speech)
    }
    this.#settled()
  }

  #verdict(speech: boolean): void {
    this.#speech = speech
    this.#judgedTo += WINDOW
    this.#gate.push(speech, this.#judgedTo - WINDOW, this.#judgedTo)
  }
}
