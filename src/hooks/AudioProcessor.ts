/**
 * An application's own processing of the user's audio, before recording and speech recognition.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { BackendError, InvalidConfig } from "../BackendError.ts"
import * as Registry from "../Registry.ts"
import * as Faults from "../schema/Faults.ts"

/**
 * A processor. Lower `order` runs earlier; equal orders run in the order of the list.
 *
 * - `sync` is called for each frame (PCM, 16 kHz mono, at most 30 ms), in the session's thread, and must be quick: tens
 *   of microseconds. It may change the samples in place, and returns the frame to go on with.
 * - `effect` is called for batches of 100 ms (the last one before a pause of the source may be shorter), one after the
 *   other, each within 500 ms. It delays the audio for everything after it, by at least 100 ms.
 *
 * Neither may change the number of samples, because positions count them. A processor that throws, fails, times out or
 * returns anything else is bypassed.
 *
 * @category models
 * @since 0.1.0
 */
export type AudioProcessor =
  & { readonly name: string; readonly order: number }
  & (
    | {
      readonly _tag: "sync"
      /** Processes one frame of 20 ms and returns as many samples; it may change the frame in place. */
      readonly process: (audio: Int16Array, metadata: ProcessorMetadata) => Int16Array
    }
    | {
      readonly _tag: "effect"
      /** Processes 100 ms of PCM (16-bit little-endian) and returns as many bytes. */
      readonly process: (audio: Uint8Array, metadata: ProcessorMetadata) => Effect.Effect<Uint8Array, BackendError>
    }
  )

/**
 * What a processor knows of its session. `metadata` is always the current one.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorMetadata {
  readonly sessionId: string
  readonly sampleRate: number
  readonly metadata: { readonly [key: string]: unknown }
}

/**
 * Opens one session's processor; what it acquires lives as long as the session.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenProcessor = Effect.Effect<AudioProcessor, BackendError, Scope.Scope>

/**
 * Makes a session's processor from the options of the config. A plain function gets them undecoded, for each session; one
 * made by `define` decodes them once, when the backend is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessorFactory {
  (options: unknown): OpenProcessor
  /** The schema of the options. */
  readonly options?: Schema.Constraint | undefined
  /** Decodes the options at a path of the config; fails with all faults, in `details.faults`. */
  readonly decode?:
    | ((options: unknown, at: ReadonlyArray<string>) => Effect.Effect<OpenProcessor, InvalidConfig>)
    | undefined
}

/**
 * Makes a processor of frames, synchronous; its order is 0 by default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sync = (processor: {
  /** Its name in logs, incidents and a config. */
  readonly name: string
  /** A lower one runs earlier. Default: 0. */
  readonly order?: number | undefined
  /** Gets a frame of 16 kHz mono, and returns the one to go on with: as long, and it may be the same array. */
  readonly process: (audio: Int16Array, metadata: ProcessorMetadata) => Int16Array
}): AudioProcessor => ({ _tag: "sync", ...processor, order: processor.order ?? 0 })

/**
 * Makes a processor of batches, effectful; its order is 0 by default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const effect = (processor: {
  /** Its name in logs, incidents and a config. */
  readonly name: string
  /** A lower one runs earlier. Default: 0. */
  readonly order?: number | undefined
  /** Gets a batch of at most 100 ms (PCM, 16 kHz mono), and gives one as long. */
  readonly process: (audio: Uint8Array, metadata: ProcessorMetadata) => Effect.Effect<Uint8Array, BackendError>
}): AudioProcessor => ({ _tag: "effect", ...processor, order: processor.order ?? 0 })

/**
 * Makes a factory from a typed schema of options and a typed constructor. What `open` acquires lives as long as the
 * session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const define = <Options>(processor: {
  readonly name: string
  readonly options: Schema.Codec<Options, unknown>
  readonly open: (options: Options) => Effect.Effect<AudioProcessor, BackendError, Scope.Scope>
}): ProcessorFactory => {
  const decode = (options: unknown, at: ReadonlyArray<string>) =>
    Effect.map(
      Faults.decode(processor.options, options ?? {}, {
        op: "AudioProcessor.open",
        what: `the options of processor ${processor.name}`,
        at
      }),
      // Run anew for each session, so that nothing is shared that `open` makes outside its effect.
      (decoded) => Effect.suspend(() => processor.open(decoded))
    )
  return Object.assign(
    (options: unknown) => Effect.flatten(decode(options, ["options"])),
    { options: processor.options, decode }
  )
}

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
