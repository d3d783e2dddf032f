/**
 * The memory that samples are kept in.
 *
 * @since 0.1.0
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/**
 * How much more an engine may hold after an hour than after ten minutes: a third of what an hour of audio takes (115 MB at
 * 16 kHz).
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HELD = 40_000_000

/** Node gives a program its collector in contexts that are made after this flag; no program need be started with it. */
const collector = (): () => void => {
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  setFlagsFromString("--no-expose-gc")
  return typeof collect === "function" ? () => void collect() : () => {}
}

let collect: (() => void) | undefined

/**
 * The bytes of all array buffers that this process still uses. It collects garbage first, so it is for a few times in a long test:
 * on a busy machine the buffers of minutes wait to be collected.
 *
 * @category accessors
 * @since 0.1.0
 */
export const heldBytes = (): number => {
  collect ??= collector()
  // what the first one finds is freed beside the program, at the latest by the second
  collect()
  collect()
  return process.memoryUsage().arrayBuffers
}
