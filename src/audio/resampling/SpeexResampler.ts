/**
 * Resamplers on the Speex resampler (quality 5), compiled to WebAssembly.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { InvalidConfig, PipelineError } from "../../BackendError.ts"
import { maxRate, minRate, type Resampler, type ResamplerFactory } from "./ResamplerFactory.ts"

/**
 * The npm package of the WebAssembly module.
 *
 * @category constants
 * @since 0.1.0
 */
export const packageName = "@echogarden/speex-resampler-wasm"

// Measured at 48 to 16 kHz: -0.2 dB at 7 kHz, aliases below -130 dB; 3 loses 3 dB at 7 kHz, 8 costs 1.7 times as much.
const quality = 5

// The module's two shared buffers, in samples: 85 ms at 48 kHz in, and the output of a part of it at the steepest ratio.
const chunkSamples = 4_096

// The largest output buffer that a resampler keeps; larger results are allocated per call.
const maxKeptSamples = 48_000

/** The used part of the Emscripten module. Growing its memory replaces the views, so they are read again for each use. */
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

/**
 * Instantiates the module, with or without SIMD, and makes its factory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const instantiate = (simd: boolean): Promise<ResamplerFactory> => {
  // A variable, because the package has no types to resolve, and because a bundle must not take its JavaScript without its
  // WebAssembly.
  const specifier = simd ? `${packageName}/simd` : packageName
  return import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)
    // Without printErr, the failed attempt on a machine without SIMD would be printed to stderr.
    .then((loaded: { default: (options: object) => Promise<Speex> }) => loaded.default({ printErr: () => {} }))
    .then((speex) => fromModule(speex, simd))
}

const outOfMemory = (): Result.Result<never, PipelineError> =>
  Result.fail(
    new PipelineError({ op: "Resampler.make", message: "out of memory for another resampler", retryable: true })
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
    // Half the filter length, in input samples: skipped at the start, and added at the end.
    const latency = speex._speex_resampler_get_input_latency(state)
    let isOpen = true
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
      if (samples > maxKeptSamples) {
        target = new Int16Array(samples)
        return
      }
      if (kept.length < samples) {
        kept = new Int16Array(samples)
      }
      target = kept
    }

    // Feeds `count` samples of `source` (zeros without one) through the shared buffers, and collects the output.
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
      if (!isOpen || input.length === 0) {
        return empty
      }
      taken += input.length
      // The output that is due so far plus one sample for rounding, so that the native side always has room.
      reserve(Math.max(1, Math.ceil(taken * ratio) - given + 1))
      feed(input, input.length)
      return result()
    }
    this.flush = () => {
      if (!isOpen) {
        return empty
      }
      const missing = Math.max(0, Math.round(taken * ratio) - given)
      reserve(missing)
      target = target.subarray(0, missing)
      // One more input sample, because the last output sample may lie beyond the last input sample.
      feed(undefined, latency + 1 + Math.ceil(1 / ratio))
      const tail = result()
      this.reset()
      return tail
    }
    this.reset = () => {
      if (isOpen) {
        speex._speex_resampler_reset_mem(state)
        rewind()
      }
    }
    this.free = () => {
      if (isOpen) {
        isOpen = false
        speex._speex_resampler_destroy(state)
      }
    }
  }
}
