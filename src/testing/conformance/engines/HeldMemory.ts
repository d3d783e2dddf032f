/**
 * The memory that samples are kept in.
 *
 * @since 0.1.0
 */

/**
 * How much more an engine may hold after an hour than after ten minutes: a third of what an hour of audio takes (115 MB at
 * 16 kHz).
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HELD = 40_000_000

/**
 * The bytes of all array buffers of this process.
 *
 * @category accessors
 * @since 0.1.0
 */
export const heldBytes = (): number => process.memoryUsage().arrayBuffers
