/**
 * Gathers the windows of all sessions into batches for the worker, and delivers the results to the sessions.
 *
 * Plain and synchronous; the owner of the worker decides with `flush` when an incomplete batch is sent. A session's windows
 * are classified in order. The number of batches in flight is bounded: beyond it a window is rejected.
 *
 * @since 0.1.0
 */
import {
  type Batch,
  type BatchMemory,
  makeMemory,
  MAX_BATCH,
  MAX_IN_FLIGHT,
  type ModelRate,
  RESET,
  shapes
} from "./BatchProtocol.ts"

/** With fewer open sessions, waiting for a fuller batch gains nothing. */
const FEW = 4

/**
 * One session's slot in the model's state; `onResult` gets the probability of speech of each of its windows, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Slot {
  readonly index: number
  /** Whether the model's state is reset before the next window. */
  reset: boolean
  /** A closed slot gets no more results. */
  closed: boolean
  /** `NaN` for a window that was lost with its worker. */
  readonly onResult: (speech: number) => void
}

/**
 * What a scheduler needs of the owner of the worker.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchSchedulerOptions {
  readonly rate: ModelRate
  /** Sends a batch to the worker; the worker owns its memory until the batch is done. */
  readonly send: (batch: Batch) => void
  /** Called when the first window of a batch waits for `flush`. */
  readonly onFirst: () => void
  /** In ms. */
  readonly now: () => number
}

interface InFlight {
  readonly batch: Batch
  readonly slots: Array<Slot>
  /** When it was sent, in ms. */
  readonly sentAt: number
}

/**
 * Batches windows for one worker after another.
 *
 * @category models
 * @since 0.1.0
 */
export class BatchScheduler {
  readonly #options: BatchSchedulerOptions
  readonly #window: number
  readonly #all: ReadonlyArray<Batch>
  /** Batches that are neither being filled nor in flight. */
  readonly #free: Array<Batch>
  #filling: Batch | undefined
  #fillingSlots: Array<Slot> = []
  readonly #inFlight: Array<InFlight> = []
  readonly #freeIndexes: Array<number> = []
  #nextIndex = 0
  #open = 0
  #isUp = false

  constructor(options: BatchSchedulerOptions) {
    this.#options = options
    this.#window = shapes[options.rate].window
    this.#all = makeMemory(options.rate).map((memory, index) => ({ ...memory, index, count: 0 }))
    this.#free = [...this.#all]
  }

  /** The memory that the worker shares. */
  get memory(): ReadonlyArray<BatchMemory> {
    return this.#all.map(({ samples, slots, speech }) => ({ samples, slots, speech }))
  }

  /** How many slots are open. */
  get open(): number {
    return this.#open
  }

  /** When the oldest batch in flight was sent, in ms. */
  get oldestAt(): number | undefined {
    return this.#inFlight[0]?.sentAt
  }

  /** Call when a new worker is ready; it has no state of any slot. */
  workerStarted(): void {
    this.#isUp = true
  }

  /** Call when the worker is gone: the windows in flight are lost, their results are `NaN`. */
  workerStopped(): void {
    this.#isUp = false
    const lost = [...this.#inFlight.flatMap(({ slots }) => slots), ...this.#fillingSlots]
    this.#inFlight.length = 0
    this.#filling = undefined
    this.#fillingSlots = []
    this.#free.splice(0, this.#free.length, ...this.#all)
    for (const slot of lost) slot.reset = true
    for (const slot of lost) if (!slot.closed) slot.onResult(Number.NaN)
  }

  /** Opens a slot for a session. */
  openSlot(onResult: (speech: number) => void): Slot {
    this.#open++
    return { index: this.#freeIndexes.pop() ?? this.#nextIndex++, reset: true, closed: false, onResult }
  }

  /** Closes a slot; another session may get its index. */
  closeSlot(slot: Slot): void {
    if (slot.closed) return
    slot.closed = true
    this.#open--
    this.#freeIndexes.push(slot.index)
  }

  /** Takes a slot's next window: `write` puts it into the batch's memory at an offset. False when too much is in flight. */
  push(slot: Slot, write: (samples: Float32Array, at: number) => void): boolean {
    if (!this.#isUp) return false
    if (this.#filling === undefined) {
      // one batch is kept for filling
      if (this.#inFlight.length >= MAX_IN_FLIGHT) return false
      this.#filling = this.#free.pop()
      if (this.#filling === undefined) return false
      this.#filling.count = 0
    }
    const batch = this.#filling
    const at = batch.count++
    write(batch.samples, at * this.#window)
    batch.slots[at] = slot.reset ? slot.index | RESET : slot.index
    slot.reset = false
    this.#fillingSlots.push(slot)
    if (batch.count === MAX_BATCH) this.flush()
    else if (this.#isIdle) this.flush()
    else if (at === 0) this.#options.onFirst()
    return true
  }

  /** Sends the batch that is being filled. */
  flush(): void {
    const batch = this.#filling
    if (batch === undefined) return
    this.#filling = undefined
    this.#inFlight.push({ batch, slots: this.#fillingSlots, sentAt: this.#options.now() })
    this.#fillingSlots = []
    this.#options.send(batch)
  }

  /** Delivers the results of a batch; the worker finishes batches in the order in which they were sent. */
  classified(index: number): void {
    if (this.#inFlight[0]?.batch.index !== index) return
    const done = this.#inFlight.shift()
    if (done === undefined) return
    const { batch, slots } = done
    this.#free.push(batch)
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      if (!slot.closed) slot.onResult(batch.speech[i]!)
    }
    if (this.#isIdle) this.flush()
  }

  /** Whether to send at once: few sessions, and the worker has nothing to do. */
  get #isIdle(): boolean {
    return this.#open < FEW && this.#inFlight.length === 0
  }
}
