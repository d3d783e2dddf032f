/**
 * Converts a stream of 16-bit mono PCM from one sample rate to another, piece by piece, without losing or shifting audio.
 *
 * One WebAssembly module (the Speex resampler at quality 5) serves the process and is loaded once. Each resampler owns a
 * native state of a few KB until `free` is called, or until the scope of `scoped` closes. The result of `process` and `flush`
 * is the resampler's own buffer (or, at equal rates, the argument): it is valid until its next call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { describe, InvalidConfig, type PipelineError } from "../../BackendError.ts"
import type { Resampler, ResamplerFactory } from "./ResamplerFactory.ts"
import { instantiate, packageName } from "./SpeexResampler.ts"

export { maxRate, minRate, type Resampler, type ResamplerFactory } from "./ResamplerFactory.ts"

let loading: Promise<ResamplerFactory> | undefined

const loadOnce = (): Promise<ResamplerFactory> => {
  loading ??= instantiate(true).catch(() => instantiate(false)).catch((cause) => {
    loading = undefined // the next call tries again
    throw cause
  })
  return loading
}

/**
 * Loads the module once per process, and returns its factory.
 *
 * Uses SIMD where the machine supports it. Fails with `invalid_config` (`details.missing`) when the package is not installed
 * or cannot run on this machine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load: Effect.Effect<ResamplerFactory, InvalidConfig> = Effect.tryPromise({
  try: loadOnce,
  catch: (cause) =>
    new InvalidConfig({
      op: "Resampler.load",
      message: /Cannot find (?:package|module)/.test(describe(cause))
        ? `the resampler needs the package ${packageName}: run "npm install ${packageName}"`
        : `the resampler of ${packageName} could not be loaded: ${describe(cause).split("\n", 1)[0]}`,
      details: { missing: packageName },
      cause
    })
})

/**
 * Loads one build of the module, apart from the shared instance: for tests and benchmarks of both builds.
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
