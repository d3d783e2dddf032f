/**
 * Echo cancellation by WebRTC's AEC3, out of the native library of the optional package `@livekit/rtc-node`.
 *
 * Runs in the session's thread, only while the agent is heard: about 80 µs of CPU for 10 ms of audio, and 0.4 MB for a session.
 * In a simulated room, with echoes of -12 dB that come 60 and 260 ms late, it takes 17 to 40 dB off the echo from the first
 * second on; with a loudspeaker that clips, 12 dB in the third second and 20 to 30 dB later. Echoes of 500 ms and more stay.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { type InvalidConfig, isBackendError, PipelineError } from "../../BackendError.ts"
import { EchoCanceller } from "../../speech/EchoCanceller.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import * as Aec3Stream from "./Aec3Stream.ts"
import * as Bindings from "./Bindings.ts"

/**
 * The options of the engine: none.
 *
 * @category models
 * @since 0.1.0
 */
export const Aec3Options = Schema.Struct({})

/**
 * Creates the canceller on a loaded library.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (bindings: Bindings.Bindings): EchoCanceller["Service"] => ({
  name: "aec3",
  open: Effect.acquireRelease(
    Effect.try({
      try: () => Aec3Stream.make(bindings),
      catch: (cause) =>
        isBackendError(cause) ? cause : new PipelineError({
          op: "EchoCanceller.open",
          message: "aec3: no canceller could be made",
          cause,
          retryable: true
        })
    }),
    ({ dispose }) => Effect.sync(dispose)
  )
})

/**
 * Provides `EchoCanceller`. All sessions share the library.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<EchoCanceller, InvalidConfig> = Layer.effect(
  EchoCanceller,
  Effect.map(Effect.suspend(() => Bindings.load()), make)
)

/**
 * Registers as `aec3`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "echo",
  name: "aec3",
  description: "WebRTC's echo canceller AEC3, embedded (@livekit/rtc-node, optional): what echo_cancellation uses",
  options: Aec3Options,
  layer: () => layer,
  check: () => Effect.asVoid(Effect.suspend(() => Bindings.check()))
})
