/**
 * What the session's thread and the detector's worker tell each other: batches of windows, and what they are.
 *
 * Both see the memory of all batches; what goes over is which one is full, and which one has been judged. (Handing memory
 * over and back cost more than judging what is in it.)
 *
 * @since 0.1.0
 */

/**
 * Windows that are judged at once, at most: more gain nothing per window (measured: 31 µs at 64, 30 at 128).
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
 * Batches on their way to the worker and back, at most: full ones are half a second of 1,000 sessions.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_FLYING = 16

/**
 * The memory of a batch, which both sides see: whose its windows are, the windows one after another (-1 to 1), and how
 * likely each was found to be speech, 0 to 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchMemory {
  readonly slots: Int32Array
  readonly samples: Float32Array
  readonly speech: Float32Array
}

/**
 * A batch by its number, and how many windows are in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch extends BatchMemory {
  readonly index: number
  count: number
}

/**
 * The memory of all batches, for windows of this rate: one more than may be on their way is being filled.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory = (rate: ModelRate): ReadonlyArray<BatchMemory> =>
  Array.from({ length: MAX_FLYING + 1 }, () => ({
    slots: new Int32Array(new SharedArrayBuffer(4 * MAX_BATCH)),
    samples: new Float32Array(new SharedArrayBuffer(4 * MAX_BATCH * shapes[rate].window)),
    speech: new Float32Array(new SharedArrayBuffer(4 * MAX_BATCH))
  }))

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
  readonly memory: ReadonlyArray<BatchMemory>
  /** Two numbers that both sides see, see `STOP` and `BUSY`. */
  readonly control: Int32Array
}

/**
 * In `control`: 1 tells the worker to judge nothing any more.
 *
 * @category constants
 * @since 0.1.0
 */
export const STOP = 0

/**
 * In `control`: 1 while the worker is in native code, and must not be stopped.
 *
 * @category constants
 * @since 0.1.0
 */
export const BUSY = 1

/**
 * What the worker is told: this batch is full; or that there will be no more, and it ends.
 *
 * @category models
 * @since 0.1.0
 */
export type ToWorker =
  | { readonly _tag: "Judge"; readonly index: number; readonly count: number }
  | { readonly _tag: "End" }

/**
 * What the worker says: once that it is ready, or why it is not, then each batch with what it was found to be.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Failed"; readonly message: string; readonly missing: boolean }
  | { readonly _tag: "Judged"; readonly index: number }
