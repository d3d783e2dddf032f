/**
 * One session's Silero detector whose windows are classified in a worker, in batches with those of other sessions.
 *
 * Results arrive later, in order, and refer to positions in the audio: their delay moves no boundary. During silence
 * (below -60 dBFS) the model is not run; when a sound follows, the windows just before it are sent first. A window that is
 * not classified, because the worker is behind or gone, leaves the state as it is.
 *
 * @since 0.1.0
 */
import type { VoiceActivityStream } from "../../speech/VoiceActivityDetector.ts"
import { VadHysteresis, type VadHysteresisOptions } from "../local/VadHysteresis.ts"
import type { ModelRate } from "./BatchProtocol.ts"
import type { BatchScheduler, Slot } from "./BatchScheduler.ts"
import { HalfBand } from "./HalfBand.ts"

/** Samples per window, 32 ms at 16 kHz. */
const WINDOW = 512
/** A window with a lower mean square (-60 dBFS) is silence. */
const SILENCE = 1e-6
/** After this many silent windows in a row, 0.26 s, the model is not run until a sound follows. */
const PAUSE_AFTER = 8
/** Windows before a sound that are sent first, so that the model has context: 96 ms. */
const LEAD = 3
/** Speech ends at a probability this much below the threshold that starts it. */
const HYSTERESIS = 0.15
/** The most windows of one session at the worker, 20 s; beyond it none is sent. */
const MAX_SENT = 640
/** The capacity of the ring of windows without a result, 33 s; when it is full the stream starts over. */
const MAX_PENDING = 1_024

/** Sent to the worker. */
const SENT = 0
/** Sent as context only: its result is ignored. */
const CONTEXT = 1
/** Not accepted by the scheduler. */
const REJECTED = 2
/** Silence, not sent. */
const SKIPPED = 3

/**
 * Options of a stream: the rate of the model, the probability that starts speech, and the hysteresis in time.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchedOptions extends VadHysteresisOptions {
  readonly rate: ModelRate
  readonly threshold: number
}

/**
 * Detects speech in one session's audio at 16 kHz.
 *
 * @category models
 * @since 0.1.0
 */
export class BatchedStream implements VoiceActivityStream {
  readonly #batches: BatchScheduler
  readonly #options: BatchedOptions
  readonly #hysteresis: VadHysteresis
  readonly #window = new Float32Array(WINDOW)
  #filled = 0
  #energy = 0
  #position = 0
  /** Every window before this position is classified. */
  #classifiedTo = 0
  #slot: Slot
  /** The class of the last window. */
  #speech = false
  #silentWindows = 0
  /** The latest silent windows while the model is paused; `undefined` while it runs. */
  #lead: Float32Array | undefined
  #leads = 0
  /** The kinds of the windows without a result, in order, in a ring. */
  readonly #pending = new Uint8Array(MAX_PENDING)
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
    this.#hysteresis = new VadHysteresis(options)
    this.#source = this.#window
    const half = options.rate === 8_000 ? new HalfBand(WINDOW) : undefined
    this.#half = half
    this.#write = half === undefined
      ? (samples, at) => samples.set(this.#source, at)
      : (samples, at) => half.process(this.#source, samples, at)
    this.#slot = this.#openSlot()
  }

  push(pcm: Int16Array): void {
    const window = this.#window
    for (let i = 0; i < pcm.length; i++) {
      const sample = pcm[i]! / 32768
      this.#energy += sample * sample
      window[this.#filled++] = sample
      if (this.#filled < WINDOW) continue
      this.#position += WINDOW
      const silent = this.#energy < SILENCE * WINDOW
      this.#filled = 0
      this.#energy = 0
      this.#take(silent)
    }
  }

  readonly settle = (settled: () => void): void => {
    if (this.#count === 0) settled()
    else this.#settling.push(settled)
  }

  readonly behind = (): number => this.#position - this.#classifiedTo

  /** Closes its slot; results in flight are dropped. */
  close(): void {
    this.#closeSlot()
  }

  #openSlot(): Slot {
    return this.#batches.openSlot((speech) => this.#onResult(speech))
  }

  #closeSlot(): void {
    this.#batches.closeSlot(this.#slot)
    this.#half?.reset()
    this.#first = 0
    this.#count = 0
    this.#sent = 0
    this.#speech = false
    this.#silentWindows = 0
    this.#lead = undefined
    this.#callSettled()
  }

  /** Gives up the pending windows and starts over at the current position. */
  #restart(): void {
    this.#closeSlot()
    this.#slot = this.#openSlot()
    this.#classifiedTo = this.#position
    this.#hysteresis.reset(this.#position)
  }

  #callSettled(): void {
    if (this.#count > 0 || this.#settling.length === 0) return
    for (const settled of this.#settling.splice(0)) settled()
  }

  #take(silent: boolean): void {
    if (this.#lead !== undefined) {
      if (silent) return this.#skip(this.#lead)
      this.#resume(this.#lead)
    }
    this.#source = this.#window
    if (this.#sent < MAX_SENT && this.#batches.push(this.#slot, this.#write)) this.#addPending(SENT)
    else if (this.#count === 0) this.#classified(this.#speech)
    else this.#addPending(REJECTED)
    this.#silentWindows = silent && !this.#hysteresis.speaking && !this.#speech ? this.#silentWindows + 1 : 0
    if (this.#silentWindows < PAUSE_AFTER) return
    this.#lead = new Float32Array(LEAD * WINDOW)
    this.#leads = 0
  }

  #skip(lead: Float32Array): void {
    lead.copyWithin(0, WINDOW)
    lead.set(this.#window, (LEAD - 1) * WINDOW)
    this.#leads = Math.min(LEAD, this.#leads + 1)
    if (this.#count === 0) this.#classified(false)
    else this.#addPending(SKIPPED)
  }

  #resume(lead: Float32Array): void {
    this.#lead = undefined
    this.#silentWindows = 0
    this.#slot.reset = true
    this.#half?.reset()
    for (let i = LEAD - this.#leads; i < LEAD; i++) {
      this.#source = lead.subarray(i * WINDOW, (i + 1) * WINDOW)
      if (this.#batches.push(this.#slot, this.#write)) this.#addPending(CONTEXT)
    }
  }

  #addPending(kind: number): void {
    if (kind === SENT || kind === CONTEXT) this.#sent++
    // results that come so late are of no use
    if (this.#count === MAX_PENDING) return this.#restart()
    this.#pending[(this.#first + this.#count++) % MAX_PENDING] = kind
  }

  #takePending(): number {
    const kind = this.#pending[this.#first]!
    this.#first = (this.#first + 1) % MAX_PENDING
    this.#count--
    return kind
  }

  #onResult(speech: number): void {
    const kind = this.#takePending()
    this.#sent--
    if (kind === SENT) {
      const { threshold } = this.#options
      this.#classified(
        Number.isNaN(speech) ? this.#speech : speech >= (this.#speech ? threshold - HYSTERESIS : threshold)
      )
    }
    while (this.#count > 0 && this.#pending[this.#first]! >= REJECTED) {
      this.#classified(this.#takePending() === REJECTED && this.#speech)
    }
    this.#callSettled()
  }

  #classified(speech: boolean): void {
    this.#speech = speech
    this.#classifiedTo += WINDOW
    this.#hysteresis.push(speech, this.#classifiedTo - WINDOW, this.#classifiedTo)
  }
}
