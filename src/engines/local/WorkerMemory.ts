/**
 * How much memory the young objects of a worker may take.
 *
 * @since 0.1.0
 */
import type { ResourceLimits } from "node:worker_threads"

/**
 * The limits of a worker that runs a model: V8 takes 48 MB for young objects where it may, most of it while tables are read,
 * and gives none of it back. With 6 MB the voice's worker has 100 MB less and speaks as fast.
 *
 * @category constants
 * @since 0.1.0
 */
export const resourceLimits: ResourceLimits = { maxYoungGenerationSizeMb: 6 }
