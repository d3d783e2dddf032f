/**
 * Types for the part of `sherpa-onnx-node` that the engines use; the package is loaded only when an engine is built.
 *
 * The package is optional: without it, or without its binary for this platform, the error names what to install.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvalidConfig } from "../../BackendError.ts"
import * as OptionalPackage from "./OptionalPackage.ts"

/**
 * The audio of one decode.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfflineStream {
  readonly acceptWaveform: (wave: { readonly sampleRate: number; readonly samples: Float32Array }) => void
}

/**
 * A loaded recognition model.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfflineRecognizer {
  readonly createStream: () => OfflineStream
  /** Decodes on a thread of libuv's pool; it cannot be cancelled. */
  readonly decodeAsync: (stream: OfflineStream) => Promise<{ readonly text: string }>
}

/**
 * A voice activity detector of one audio stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vad {
  readonly acceptWaveform: (samples: Float32Array) => void
  readonly isDetected: () => boolean
  readonly flush: () => void
  readonly clear: () => void
  readonly reset: () => void
}

/**
 * The package's module.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sherpa {
  readonly OfflineRecognizer: { readonly createAsync: (config: object) => Promise<OfflineRecognizer> }
  readonly Vad: new(config: object, bufferSeconds: number) => Vad
}

/**
 * Loads the package; fails `invalid_config` with the package in `details.missing` when it is not installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (engine: string, specifier = "sherpa-onnx-node"): Effect.Effect<Sherpa, InvalidConfig> =>
  Effect.tryPromise({
    // A variable, because the package has no types to resolve.
    try: (): Promise<{ readonly default: Sherpa }> => import(specifier),
    catch: (cause) => OptionalPackage.missing({ engine, packageName: specifier, native: true, cause })
  }).pipe(Effect.map((module) => module.default))
