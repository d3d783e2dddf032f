/**
 * Types for the part of `@echogarden/rnnoise-wasm` that is used. The package is optional: without it the error names what
 * to install.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvalidConfig } from "../../BackendError.ts"
import * as OptionalPackage from "../local/OptionalPackage.ts"

/**
 * The Emscripten module. When its memory grows, `HEAPF32` is replaced, so read it again for each use.
 *
 * @category models
 * @since 0.1.0
 */
export interface RnnoiseModule {
  readonly HEAPF32: Float32Array
  readonly _malloc: (bytes: number) => number
  readonly _free: (at: number) => void
  /** Creates a state with the built-in model; 0 when out of memory. */
  readonly _rnnoise_create: (model: 0) => number
  readonly _rnnoise_destroy: (state: number) => void
  readonly _rnnoise_get_frame_size: () => number
  /** Returns the probability of speech in the frame. Samples are floats in the range of 16-bit integers. */
  readonly _rnnoise_process_frame: (state: number, out: number, frame: number) => number
}

const packageName = "@echogarden/rnnoise-wasm"

/**
 * Loads one instance of the module, for one backend; fails `invalid_config` with the package in `details.missing` when it is
 * not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (specifier: string = packageName): Effect.Effect<RnnoiseModule, InvalidConfig> =>
  Effect.tryPromise({
    // A variable, because the package has no types to resolve.
    try: async (): Promise<RnnoiseModule> => {
      const module: { readonly default: (options: object) => Promise<RnnoiseModule> } = await import(specifier)
      return await module.default({ printErr: () => {} })
    },
    catch: (cause) => OptionalPackage.missing({ engine: "rnnoise", packageName: specifier, cause })
  })
