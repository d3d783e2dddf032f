/**
 * What the session's thread and the detector's worker tell each other: batches of windows, and what they are.
 *
 * The memory of a batch goes over and comes back; nothing is copied, and nothing new is made while all is in its pace.
 *
 * @since 0.1.0
 */

/**
 * Windows that are judged at once, at most: more gain nothing per window (`reference` figures: 32 µs at 32 and at 1,000).
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BATCH = 64

/**
 * The rates that the model knows, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export type ModelRate = 8_000 | 16_000

/**
 * Samples of a window, 32 ms, and of the former window's end that the model wants in front of it.
 *
 * @category constants
 * @since 0.1.0
 */
export const shapes: { readonly [Rate in ModelRate]: { readonly window: number; readonly context: number } } = {
  8_000: { window: 256, context: 32 },
  16_000: { window: 512, context: 64 }
}

/**
 * Added to a window's slot: it begins anew, whatever the slot's former windows were.
 *
 * @category constants
 * @since 0.1.0
 */
export const ANEW = 1 << 30

/**
 * Windows of different slots; `samples` holds `count` windows one after another, -1 to 1. The worker writes the
 * probabilities of speech, 0 to 1, into `speech`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch {
  count: number
  readonly slots: Int32Array<ArrayBuffer>
  readonly samples: Float32Array<ArrayBuffer>
  readonly speech: Float32Array<ArrayBuffer>
}

/**
 * An empty batch for windows of this rate.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeBatch = (rate: ModelRate): Batch => ({
  count: 0,
  slots: new Int32Array(MAX_BATCH),
  samples: new Float32Array(MAX_BATCH * shapes[rate].window),
  speech: new Float32Array(MAX_BATCH)
})

/**
 * The memory that changes hands with a batch.
 *
 * @category conversions
 * @since 0.1.0
 */
export const memoryOf = ({ samples, slots, speech }: Batch): Array<ArrayBuffer> => [
  slots.buffer,
  samples.buffer,
  speech.buffer
]

/**
 * What the worker is started with.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerOptions {
  /** The model's file. */
  readonly model: string
  readonly rate: ModelRate
  /** What is loaded to run it. */
  readonly runtime: string
}

/**
 * What the worker says: once that it is ready, or why it is not, then each batch with what it was found to be.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Failed"; readonly message: string; readonly missing: boolean }
  | { readonly _tag: "Judged"; readonly batch: Batch }
