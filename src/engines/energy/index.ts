/**
 * Voice activity detection by energy: no model, no package. Good in quiet rooms; `silero` is better everywhere else.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { InvalidConfig } from "../../BackendError.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { boundedDuration } from "../../schema/Durations.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"
import * as EngineRegistry from "../../speech/EngineRegistry.ts"
import { TIMELINE_RATE, VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import { EnergyDetector, WINDOW } from "../local/EnergyDetector.ts"

/**
 * Options of the engine, with defaults and limits.
 *
 * - `margin`: how many dB above the noise floor count as speech. Default 12, [3, 40].
 * - `minLevel`: in dBFS; a lower level is never speech. Default -45, [-80, 0].
 * - `minSpeech`: how much uninterrupted speech starts a speech segment. Default 60 ms, [20 ms, 1 s].
 * - `minSilence`: how much uninterrupted silence ends it. Default 250 ms, [40 ms, 2 s].
 *
 * @category models
 * @since 0.1.0
 */
export const EnergyOptions = Schema.Struct({
  margin: Schema.Finite.check(Schema.isBetween({ minimum: 3, maximum: 40 })).pipe(withDefault(12)),
  minLevel: Schema.Finite.check(Schema.isBetween({ minimum: -80, maximum: 0 })).pipe(withDefault(-45)),
  minSpeech: boundedDuration("20 millis", "1 second").pipe(withDefault("60ms")),
  minSilence: boundedDuration("40 millis", "2 seconds").pipe(withDefault("250ms"))
}).pipe(encodeKeys({ minLevel: "min_level", minSpeech: "min_speech", minSilence: "min_silence" }))

/**
 * The decoded options.
 *
 * @category models
 * @since 0.1.0
 */
export type EnergyOptions = typeof EnergyOptions.Type

const samples = (duration: Duration.Duration) => Math.round(Duration.toSeconds(duration) * TIMELINE_RATE)

const make = (options: EnergyOptions): VoiceActivityDetector["Service"] => ({
  name: "energy",
  sampleRate: TIMELINE_RATE,
  open: ({ onActivity }) =>
    Effect.sync(() =>
      new EnergyDetector({
        margin: options.margin,
        minLevel: options.minLevel,
        minSpeech: samples(options.minSpeech),
        minSilence: samples(options.minSilence),
        onsetLag: WINDOW,
        offsetLag: 0,
        onActivity
      })
    )
})

/**
 * Provides `VoiceActivityDetector` with these options and the defaults of the others.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Partial<EnergyOptions>): Layer.Layer<VoiceActivityDetector, InvalidConfig> =>
  Layer.effect(VoiceActivityDetector, Effect.map(EngineRegistry.complete("energy", EnergyOptions, options), make))

/**
 * Registers as `energy`.
 *
 * @category definitions
 * @since 0.1.0
 */
export const definition = EngineRegistry.define({
  kind: "vad",
  name: "energy",
  description: "Voice activity detection by energy above an adaptive noise floor; no model, no package",
  options: EnergyOptions,
  layer
})
