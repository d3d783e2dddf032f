/**
 * Converts a stream of 16-bit mono PCM from one sample rate to another, piece by piece, without losing or shifting audio.
 *
 * One WebAssembly module (the Speex resampler at quality 5) serves the process and is loaded once; each resampler owns
 * a native state of a few KB that lives until `free`, or the scope of `scoped`, ends it. What `process` and `flush`
 * return is the resampler's own buffer (or, at equal rates, the argument): it is valid until its next call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { InvalidConfig, PipelineError } from "../BackendError.ts"

/**
 * The lowest rate in Hz that can be converted; below what sessions use, so that odd files can be read.
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

// Measured at 48 to 16 kHz: -0.2 dB at 7 kHz, aliases below -130 dB; 3 loses 3 dB at 7 kHz, 8 costs 1.7 times as much.
const quality = 5

// The module's two shared buffers, in samples: 85 ms at 48 kHz in, and what the steepest ratio makes of a part of it.
const chunkSamples = 4_096

// What a resampler keeps for its output: larger results are allocated for their call and given away.
const keptSamples = 48_000

/**
 * Converts one stream; make it with a `ResamplerFactory`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resampler {
  /** In Hz. */
  readonly inputRate: number
  /** In Hz. */
  readonly outputRate: number
  /** How much later than its input a sample comes out, in ms; 0 at equal rates. `flush` gives what is held back. */
  readonly latencyMs: number
  /** Converts the next piece, of any length; after `free` it returns nothing. */
  readonly process: (input: Int16Array) => Int16Array
  /**
   * Ends the stream and returns its tail, so that all output has `round(input * outputRate / inputRate)` samples and
   * begins where the input began. The next `process` begins a new stream.
   */
  readonly flush: () => Int16Array
  /** Begins a new stream and drops the tail of the former. */
  readonly reset: () => void
  /** Gives the native state back; calling it again does nothing. */
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
  /** Fails with `invalid_config` on a rate outside 1,000..384,000 Hz and with `pipeline_error` when memory is out. */
  readonly make: (inputRate: number, outputRate: number) => Result.Result<Resampler, InvalidConfig | PipelineError>
  /** Converts a whole recording; the result is the caller's own. Fails as `make` does. */
  readonly convert: (
    samples: Int16Array,
    inputRate: number,
    outputRate: number
  ) => Result.Result<Int16Array, InvalidConfig | PipelineError>
}

/** What is used of the Emscripten module. Growing memory replaces the views, so they are read anew for each use. */
interface Speex {
  readonly HEAP16: Int16Array
  readonly HEAP32: Int32Array
  readonly _malloc: (bytes: number) => number
  readonly _speex_resampler_init: (channels: number, from: number, to: number, quality: number, error: number) => number
  readonly _speex_resampler_destroy: (state: number) => void
  readonly _speex_resampler_process_int: (
    state: number,
    channel: number,
    input: number,
    inputLength: number,
    output: number,
    outputLength: number
  ) => number
  readonly _speex_resampler_get_input_latency: (state: number) => number
  readonly _speex_resampler_skip_zeros: (state: number) => number
  readonly _speex_resampler_reset_mem: (state: number) => number
}

interface Native {
  readonly speex: Speex
  readonly input: number
  readonly output: number
  /** Three 32-bit cells: samples in (given, then taken), samples out (room, then written), error code. */
  readonly cells: number
}

const packageName = "@echogarden/speex-resampler-wasm"

const instantiate = (simd: boolean): Promise<ResamplerFactory> => {
  const module = simd
    // @ts-expect-error the package has no types; `Speex` says what is used of it
    ? import("@echogarden/speex-resampler-wasm/simd")
    // @ts-expect-error the package has no types; `Speex` says what is used of it
    : import("@echogarden/speex-resampler-wasm")
  return module
    // Without printErr a machine that lacks SIMD would see the failed attempt on its standard error.
    .then((loaded: { default: (options: object) => Promise<Speex> }) => loaded.default({ printErr: () => {} }))
    .then((speex) => fromModule(speex, simd))
}

let loading: Promise<ResamplerFactory> | undefined

const loadOnce = (): Promise<ResamplerFactory> => {
  loading ??= instantiate(true).catch(() => instantiate(false)).catch((cause) => {
    loading = undefined // so that the next attempt is a new one
    throw cause
  })
  return loading
}

/**
 * Loads the module, the first time that it runs in this process, and gives its factory.
 *
 * Uses SIMD where the machine has it. Fails with `invalid_config` (`details.missing`) when the package is not
 * installed or cannot run here.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load: Effect.Effect<ResamplerFactory, InvalidConfig> = Effect.tryPromise({
  try: loadOnce,
  catch: (cause) =>
    new InvalidConfig({
      op: "Resampler.load",
      message: `the resampler could not be loaded: install ${packageName}`,
      details: { missing: packageName },
      cause
    })
})

/**
 * Loads one build of the module apart from the shared one, for tests and benchmarks of either.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadBuild = (simd: boolean): Promise<ResamplerFactory> => instantiate(simd)

/**
 * Makes a resampler that is freed with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const scoped = (
  inputRate: number,
  outputRate: number
): Effect.Effect<Resampler, InvalidConfig | PipelineError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.flatMap(load, (factory) => Effect.fromResult(factory.make(inputRate, outputRate))),
    (resampler) => Effect.sync(resampler.free)
  )

const outOfMemory = (): Result.Result<never, PipelineError> =>
  Result.fail(
    new PipelineError({ op: "Resampler.make", message: "no memory for another resampler", retryable: true })
  )

const fromModule = (speex: Speex, simd: boolean): ResamplerFactory => {
  const input = speex._malloc(2 * chunkSamples)
  const output = speex._malloc(2 * chunkSamples)
  const cells = speex._malloc(12)
  const native: Native = { speex, input, output, cells }

  const make: ResamplerFactory["make"] = (inputRate, outputRate) => {
    for (const rate of [inputRate, outputRate]) {
      if (!Number.isInteger(rate) || rate < minRate || rate > maxRate) {
        return Result.fail(
          new InvalidConfig({
            op: "Resampler.make",
            message:
              `cannot convert from ${inputRate} to ${outputRate} Hz: rates are integers from ${minRate} to ${maxRate}`,
            details: { inputRate, outputRate }
          })
        )
      }
    }
    if (inputRate === outputRate) {
      return Result.succeed(passthrough(inputRate))
    }
    if (input === 0 || output === 0 || cells === 0) {
      return outOfMemory()
    }
    const state = speex._speex_resampler_init(1, inputRate, outputRate, quality, cells + 8)
    return state === 0 ? outOfMemory() : Result.succeed(new SpeexResampler(native, state, inputRate, outputRate))
  }

  return {
    simd,
    memoryBytes: () => speex.HEAP16.byteLength,
    make,
    convert: (samples, inputRate, outputRate) =>
      Result.map(make(inputRate, outputRate), (resampler) => {
        const body = resampler.process(samples).slice()
        const tail = resampler.flush()
        const out = new Int16Array(body.length + tail.length)
        out.set(body)
        out.set(tail, body.length)
        resampler.free()
        return out
      })
  }
}

const empty = new Int16Array(0)

const passthrough = (rate: number): Resampler => ({
  inputRate: rate,
  outputRate: rate,
  latencyMs: 0,
  process: (input) => input,
  flush: () => empty,
  reset: () => {},
  free: () => {}
})

class SpeexResampler implements Resampler {
  readonly inputRate: number
  readonly outputRate: number
  readonly latencyMs: number
  readonly process: (input: Int16Array) => Int16Array
  readonly flush: () => Int16Array
  readonly reset: () => void
  readonly free: () => void

  constructor(native: Native, state: number, inputRate: number, outputRate: number) {
    const { cells, input: inputAt, output: outputAt, speex } = native
    const ratio = outputRate / inputRate
    // Half the filter, in input samples: what is skipped at the start and owed at the end.
    const latency = speex._speex_resampler_get_input_latency(state)
    let alive = true
    let taken = 0
    let given = 0
    let kept: Int16Array = empty
    let target: Int16Array = empty
    let written = 0

    const rewind = () => {
      speex._speex_resampler_skip_zeros(state)
      taken = 0
      given = 0
    }

    const reserve = (samples: number) => {
      written = 0
      if (samples > keptSamples) {
        target = new Int16Array(samples)
        return
      }
      if (kept.length < samples) {
        kept = new Int16Array(samples)
      }
      target = kept
    }

    // Feeds `count` samples of `source` (zeros without one) through the shared buffers and collects what comes out.
    const feed = (source: Int16Array | undefined, count: number) => {
      let at = 0
      while (at < count && written < target.length) {
        const size = Math.min(count - at, chunkSamples)
        const base = inputAt >> 1
        if (source === undefined) {
          speex.HEAP16.fill(0, base, base + size)
        } else if (size === source.length) {
          speex.HEAP16.set(source, base)
        } else {
          speex.HEAP16.set(source.subarray(at, at + size), base)
        }
        let done = 0
        while (done < size && written < target.length) {
          const cell = cells >> 2
          speex.HEAP32[cell] = size - done
          speex.HEAP32[cell + 1] = Math.min(chunkSamples, target.length - written)
          speex._speex_resampler_process_int(state, 0, inputAt + 2 * done, cells, outputAt, cells + 4)
          const consumed = speex.HEAP32[cell]!
          const produced = speex.HEAP32[cell + 1]!
          const heap = speex.HEAP16
          const from = outputAt >> 1
          for (let i = 0; i < produced; i++) {
            target[written + i] = heap[from + i]!
          }
          written += produced
          done += consumed
          if (consumed === 0 && produced === 0) {
            break
          }
        }
        at += size
      }
    }

    const result = () => {
      given += written
      return written === target.length ? target : target.subarray(0, written)
    }

    rewind()
    this.inputRate = inputRate
    this.outputRate = outputRate
    this.latencyMs = latency * 1000 / inputRate
    this.process = (input) => {
      if (!alive || input.length === 0) {
        return empty
      }
      taken += input.length
      // What is due by now, held back or not, and one more for rounding: the native side never lacks room.
      reserve(Math.max(1, Math.ceil(taken * ratio) - given + 1))
      feed(input, input.length)
      return result()
    }
    this.flush = () => {
      if (!alive) {
        return empty
      }
      const owed = Math.max(0, Math.round(taken * ratio) - given)
      reserve(owed)
      target = target.subarray(0, owed)
      // One more input sample, because the last output sample may lie beyond the last input sample.
      feed(undefined, latency + 1 + Math.ceil(1 / ratio))
      const tail = result()
      this.reset()
      return tail
    }
    this.reset = () => {
      if (alive) {
        speex._speex_resampler_reset_mem(state)
        rewind()
      }
    }
    this.free = () => {
      if (alive) {
        alive = false
        speex._speex_resampler_destroy(state)
      }
    }
  }
}
