/**
 * Gathers the windows of all sessions into batches for the worker, and hands out what comes back.
 *
 * Plain and synchronous; whoever owns the worker says when a batch that is not full must go. A session's windows are
 * judged in their order. What is on its way is bounded: beyond it a window is refused.
 *
 * @since 0.1.0
 */
import {
  ANEW,
  type Batch,
  type BatchMemory,
  makeMemory,
  MAX_BATCH,
  MAX_FLYING,
  type ModelRate,
  shapes
} from "./BatchProtocol.ts"

/** So few sessions gain nothing by waiting for each other. */
const FEW = 4

/**
 * One session's place among the windows: it hears how likely its windows are speech, in their order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly slot: number
  /** Its next window begins anew. */
  anew: boolean
  /** Hears of nothing any more. */
  left: boolean
  readonly judged: (speech: number) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface BatchesOptions {
  readonly rate: ModelRate
  /** Sends a batch to the worker; its memory is the worker's until it comes back. */
  readonly send: (batch: Batch) => void
  /** There is a window that waits for its batch to go. */
  readonly onFirst: () => void
  /** In ms. */
  readonly now: () => number
}

interface Flying {
  readonly batch: Batch
  readonly places: Array<Place>
  /** When it was sent, in ms. */
  readonly sentAt: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class BatchScheduler {
  readonly #options: BatchesOptions
  readonly #window: number
  readonly #all: ReadonlyArray<Batch>
  /** Batches that are neither filled nor on their way. */
  readonly #free: Array<Batch>
  #filling: Batch | undefined
  #places: Array<Place> = []
  readonly #flying: Array<Flying> = []
  readonly #slots: Array<number> = []
  #made = 0
  #open = 0
  #up = false

  constructor(options: BatchesOptions) {
    this.#options = options
    this.#window = shapes[options.rate].window
    this.#all = makeMemory(options.rate).map((memory, index) => ({ ...memory, index, count: 0 }))
    this.#free = [...this.#all]
  }

  /** What the worker must see, too. */
  get memory(): ReadonlyArray<BatchMemory> {
    return this.#all.map(({ samples, slots, speech }) => ({ samples, slots, speech }))
  }

  /** Sessions that have a place. */
  get open(): number {
    return this.#open
  }

  /** When the oldest batch that has not come back was sent, in ms. */
  get oldestAt(): number | undefined {
    return this.#flying[0]?.sentAt
  }

  /** A worker is there, with no memory of any slot. */
  up(): void {
    this.#up = true
  }

  /** The worker is gone, with all that was on its way: those windows are refused after the fact. */
  down(): void {
    this.#up = false
    const lost = [...this.#flying.flatMap(({ places }) => places), ...this.#places]
    this.#flying.length = 0
    this.#filling = undefined
    this.#places = []
    this.#free.splice(0, this.#free.length, ...this.#all)
    for (const place of lost) place.anew = true
    for (const place of lost) if (!place.left) place.judged(Number.NaN)
  }

  enter(judged: (speech: number) => void): Place {
    this.#open++
    return { slot: this.#slots.pop() ?? this.#made++, anew: true, left: false, judged }
  }

  leave(place: Place): void {
    if (place.left) return
    place.left = true
    this.#open--
    this.#slots.push(place.slot)
  }

  /** Takes a place's next window: `write` puts it into a memory at a position. False when there is no room for it. */
  push(place: Place, write: (samples: Float32Array, at: number) => void): boolean {
    if (!this.#up) return false
    if (this.#filling === undefined) {
      // one is always kept for what is being filled
      if (this.#flying.length >= MAX_FLYING) return false
      this.#filling = this.#free.pop()
      if (this.#filling === undefined) return false
      this.#filling.count = 0
    }
    const batch = this.#filling
    const at = batch.count++
    write(batch.samples, at * this.#window)
    batch.slots[at] = place.anew ? place.slot | ANEW : place.slot
    place.anew = false
    this.#places.push(place)
    if (batch.count === MAX_BATCH) this.flush()
    else if (this.#isIdle) this.flush()
    else if (at === 0) this.#options.onFirst()
    return true
  }

  /** Sends what waits. */
  flush(): void {
    const batch = this.#filling
    if (batch === undefined) return
    this.#filling = undefined
    this.#flying.push({ batch, places: this.#places, sentAt: this.#options.now() })
    this.#places = []
    this.#options.send(batch)
  }

  /** A batch came back: it can only be the first that was sent. */
  judged(index: number): void {
    if (this.#flying[0]?.batch.index !== index) return
    const flown = this.#flying.shift()
    if (flown === undefined) return
    const { batch } = flown
    this.#free.push(batch)
    for (let i = 0; i < flown.places.length; i++) {
      const place = flown.places[i]!
      if (!place.left) place.judged(batch.speech[i]!)
    }
    if (this.#isIdle) this.flush()
  }

  /** Nothing would be gained by waiting. */
  get #isIdle(): boolean {
    return this.#open < FEW && this.#flying.length === 0
  }
}
