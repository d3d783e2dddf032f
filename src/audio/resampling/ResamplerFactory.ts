/**
 * The contract of resamplers.
 *
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import type { InvalidConfig, PipelineError } from "../../BackendError.ts"

/**
 * The lowest rate in Hz that can be converted; lower than the rates of sessions, so that unusual files can be read.
 *
 * @category constants
 * @since 0.1.0
 */
export const minRate = 1_000

/**
 * The highest rate in Hz that can be converted.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxRate = 384_000

/**
 * The resampler of one stream; made by a `ResamplerFactory`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resampler {
  /** In Hz. */
  readonly inputRate: number
  /** In Hz. */
  readonly outputRate: number
  /** The delay of the output in ms; 0 at equal rates. `flush` returns the samples that are held back. */
  readonly latencyMs: number
  /** Converts the next piece, of any length; after `free` it returns nothing. */
  readonly process: (input: Int16Array) => Int16Array
  /**
   * Ends the stream and returns its tail, so that all output has `round(input * outputRate / inputRate)` samples and
   * begins where the input began. The next `process` begins a new stream.
   */
  readonly flush: () => Int16Array
  /** Starts a new stream, and drops the tail of the previous one. */
  readonly reset: () => void
  /** Frees the native state; calling it again does nothing. */
  readonly free: () => void
}

/**
 * Makes resamplers on the loaded module.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResamplerFactory {
  /** Whether the module uses SIMD; without it converting costs about four times as much. */
  readonly simd: boolean
  /** The memory of the module in bytes, 16 MiB at first; it grows with the resamplers alive and never shrinks. */
  readonly memoryBytes: () => number
  /** Fails with `invalid_config` on a rate outside 1,000..384,000 Hz and with `pipeline_error` when out of memory. */
  readonly make: (inputRate: number, outputRate: number) => Result.Result<Resampler, InvalidConfig | PipelineError>
  /** Converts a whole recording; the result is the caller's own. Fails as `make` does. */
  readonly convert: (
    samples: Int16Array,
    inputRate: number,
    outputRate: number
  ) => Result.Result<Int16Array, InvalidConfig | PipelineError>
}
