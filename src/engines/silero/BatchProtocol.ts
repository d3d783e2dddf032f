/**
 * The messages and the shared memory between the main thread and the detector's worker: batches of windows, and their
 * speech probabilities.
 *
 * Both threads share the memory of all batches; a message only carries a batch's number. (Transferring the memory cost more
 * than the inference itself.)
 *
 * @since 0.1.0
 */
import type { InferenceGuard } from "../local/InferenceGuard.ts"

/**
 * The most windows per inference: larger batches gain nothing per window (measured: 31 µs at 64, 30 at 128).
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BATCH = 64

/**
 * The sample rates that the model supports, in Hz.
 *
 * @category models
 * @since 0.1.0
 */
export type ModelRate = 8_000 | 16_000

/**
 * Samples per window (32 ms), and samples of the previous window's end that the model expects in front of it.
 *
 * @category constants
 * @since 0.1.0
 */
export const shapes: { readonly [Rate in ModelRate]: { readonly window: number; readonly context: number } } = {
  8_000: { window: 256, context: 32 },
  16_000: { window: 512, context: 64 }
}

/**
 * A flag on a window's slot number: the model's state of this slot is reset before the window.
 *
 * @category constants
 * @since 0.1.0
 */
export const RESET = 1 << 30

/**
 * The most batches in flight to the worker and back: full ones are half a second of audio of 1,000 sessions.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_IN_FLIGHT = 16

/**
 * The shared memory of a batch: the slot of each window, the windows one after another (-1 to 1), and the probability of
 * speech of each (0 to 1).
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
 * A batch: its number, its memory, and how many windows are in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch extends BatchMemory {
  readonly index: number
  count: number
}

/**
 * Allocates the memory of all batches for windows of this rate: those that may be in flight, and one that is being filled.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory = (rate: ModelRate): ReadonlyArray<BatchMemory> =>
  Array.from({ length: MAX_IN_FLIGHT + 1 }, () => ({
    slots: new Int32Array(new SharedArrayBuffer(4 * MAX_BATCH)),
    samples: new Float32Array(new SharedArrayBuffer(4 * MAX_BATCH * shapes[rate].window)),
    speech: new Float32Array(new SharedArrayBuffer(4 * MAX_BATCH))
  }))

/**
 * The worker's `workerData`.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerOptions {
  /** The model's file. */
  readonly model: string
  readonly rate: ModelRate
  /** The packages that can run it, in the order of preference. */
  readonly packages: ReadonlyArray<string>
  readonly memory: ReadonlyArray<BatchMemory>
  readonly guard: InferenceGuard
}

/**
 * A message to the worker: classify this batch, or exit.
 *
 * @category models
 * @since 0.1.0
 */
export type ToWorker =
  | { readonly _tag: "Classify"; readonly index: number; readonly count: number }
  | { readonly _tag: "End" }

/**
 * A message from the worker: once whether it has started, then each batch that is done.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Failed"; readonly message: string; readonly missing: boolean }
  | { readonly _tag: "Classified"; readonly index: number }
