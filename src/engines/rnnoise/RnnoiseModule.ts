/**
 * The part of `@echogarden/rnnoise-wasm` that is used, typed. The package is optional: without it the error names what
 * to install.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { describe, InvalidConfig } from "../../BackendError.ts"

/**
 * The Emscripten module. Growing memory replaces the view, so it is read anew for each use.
 *
 * @category models
 * @since 0.1.0
 */
export interface RnnoiseModule {
  readonly HEAPF32: Float32Array
  readonly _malloc: (bytes: number) => number
  readonly _free: (at: number) => void
  /** Makes a state with the built-in model; 0 when memory is out. */
  readonly _rnnoise_create: (model: 0) => number
  readonly _rnnoise_destroy: (state: number) => void
  readonly _rnnoise_get_frame_size: () => number
  /** Returns how likely the frame has a voice. Samples are floats in the range of 16-bit ones. */
  readonly _rnnoise_process_frame: (state: number, out: number, frame: number) => number
}

const packageName = "@echogarden/rnnoise-wasm"

/**
 * Loads one module, for one backend; without the package fails `invalid_config` with it in `details.missing`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (specifier: string = packageName): Effect.Effect<RnnoiseModule, InvalidConfig> =>
  Effect.tryPromise({
    // Named by a variable, because the package has no types.
    try: async (): Promise<RnnoiseModule> => {
      const module: { readonly default: (options: object) => Promise<RnnoiseModule> } = await import(specifier)
      return await module.default({ printErr: () => {} })
    },
    catch: (cause) =>
      new InvalidConfig({
        op: "EngineRegistry.layer",
        message: `the engine rnnoise needs the package ${specifier}: run "npm install ${specifier}" (${
          describe(cause).split("\n", 1)[0]
        })`,
        details: { missing: [specifier], engine: "rnnoise" },
        cause
      })
  })
