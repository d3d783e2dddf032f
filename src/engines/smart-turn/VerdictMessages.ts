/**
 * The messages between the main thread and the worker that listens.
 *
 * @since 0.1.0
 */
import type { InferenceGuard } from "../local/InferenceGuard.ts"

/**
 * The worker's `workerData`.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkerOptions {
  /** The model's file. */
  readonly model: string
  /** The packages that can run it, in the order of preference. */
  readonly packages: ReadonlyArray<string>
  readonly guard: InferenceGuard
}

/**
 * A message to the worker: listen to the audio of a turn, or exit.
 *
 * @category models
 * @since 0.1.0
 */
export type ToWorker =
  | { readonly _tag: "Listen"; readonly id: number; readonly pcm: Int16Array }
  | { readonly _tag: "End" }

/**
 * A message from the worker: once whether it has started, then the answer to each `Listen`.
 *
 * - `Ready`: `unusable` says why an installed package is not used.
 *
 * @category models
 * @since 0.1.0
 */
export type FromWorker =
  | { readonly _tag: "Ready"; readonly packageName: string; readonly unusable: string | undefined }
  | { readonly _tag: "Failed"; readonly message: string }
  | { readonly _tag: "Verdict"; readonly id: number; readonly probability: number }
  | { readonly _tag: "NoVerdict"; readonly id: number; readonly message: string }
