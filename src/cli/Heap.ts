/**
 * How V8 collects the garbage of a process that serves calls.
 *
 * Audio lives outside of V8's heap. V8 counts what of it has come since the last full collection against what the heap may
 * still grow by, which is small, and so collects a heap that hardly grows several times a second. With this flag it counts
 * both together. At 500 sessions that takes a third of the process's CPU away, for half as much memory again
 * (`npm run bench`). It may be set while the process runs, unlike the sizes of the heap.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { setFlagsFromString } from "node:v8"

/**
 * Arguments of `node`; none for a V8 that is not known to have the flag (that of Node 24 is).
 *
 * @category constants
 * @since 0.1.0
 */
export const FLAGS: ReadonlyArray<string> = process.versions.v8.startsWith("13.")
  ? ["--external-memory-accounted-in-global-limit"]
  : []

/**
 * Sets the flag, for this process and its worker threads.
 *
 * @category running
 * @since 0.1.0
 */
export const tune: Effect.Effect<void> = Effect.sync(() => FLAGS.forEach(setFlagsFromString))
