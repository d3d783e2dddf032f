/**
 * An application's own processing of the user's audio, in order, before recognition.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../BackendError.ts"
import * as Registry from "../Registry.ts"

/**
 * A processor. Lower `order` runs earlier; equal orders run in the order of registration.
 *
 * - `sync` is called for each frame (PCM, 16 kHz mono) and must be quick; it may change the samples in place and returns
 *   the frame to go on with.
 * - `effect` is called for batches of 100 ms.
 *
 * @category models
 * @since 0.1.0
 */
export type AudioProcessor =
  & { readonly name: string; readonly order: number }
  & (
    | { readonly _tag: "sync"; readonly process: (audio: Int16Array, metadata: ProcessorMetadata) => Int16Array }
    | {
      readonly _tag: "effect"
      readonly process: (audio: Uint8Array, metadata: ProcessorMetadata) => Effect.Effect<Uint8Array, BackendError>
    }
  )

/**
 * @category models
 * @since 0.1.0
 */
export interface ProcessorMetadata {
  readonly sessionId: string
  readonly sampleRate: number
  readonly metadata: { readonly [key: string]: unknown }
}

/**
 * Makes one session's processor from the options of the config.
 *
 * @category models
 * @since 0.1.0
 */
export type ProcessorFactory = (options: unknown) => Effect.Effect<AudioProcessor, BackendError, Scope.Scope>

/**
 * The processors that a config may name in `custom_processors`.
 *
 * @category services
 * @since 0.1.0
 */
export class ProcessorRegistry extends Context.Service<ProcessorRegistry, Registry.Registry<ProcessorFactory>>()(
  "effect-voice/hooks/ProcessorRegistry"
) {
  /** A registry that starts with these processors. */
  static readonly layer = (processors: { readonly [name: string]: ProcessorFactory } = {}) =>
    Layer.sync(ProcessorRegistry, () => Registry.make("ProcessorRegistry", "audio processor", processors))
}
