/**
 * The built-in audio processors by name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AutomaticGain } from "../audio/AutomaticGain.ts"
import * as Gain from "../audio/Gain.ts"
import * as AudioProcessor from "../hooks/AudioProcessor.ts"
import { withDefault } from "../schema/Defaults.ts"
import { encodeKeys } from "../schema/EncodedKeys.ts"
import { TIMELINE_RATE } from "../speech/VoiceActivityDetector.ts"

const between = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

/**
 * - `db`: the gain, in dB. 0, [-60, 40].
 * - `clip`: how samples beyond full scale are limited: `soft` clipping, the default, or `hard`.
 *
 * @category models
 * @since 0.1.0
 */
export const GainOptions = Schema.Struct({
  db: between(-60, 40).pipe(withDefault(0)),
  clip: Schema.Literals(["soft", "hard"]).pipe(withDefault("soft" as const))
})

/**
 * - `target`: the target level of speech, in dBFS. -20, [-40, -6].
 * - `maxGain`, `maxCut`: the maximum amplification and attenuation, in dB. 24, [0, 40]; 12, [0, 40].
 * - `gate`: the level below which audio is never speech, in dBFS. -55, [-90, -20].
 *
 * @category models
 * @since 0.1.0
 */
export const AgcOptions = Schema.Struct({
  target: between(-40, -6).pipe(withDefault(-20)),
  maxGain: between(0, 40).pipe(withDefault(24)),
  maxCut: between(0, 40).pipe(withDefault(12)),
  gate: between(-90, -20).pipe(withDefault(-55))
}).pipe(encodeKeys({ maxGain: "max_gain", maxCut: "max_cut" }))

/**
 * The processors that come with the package: `gain`, and `agc` (automatic gain).
 *
 * @category tables
 * @since 0.1.0
 */
export const processors = {
  gain: AudioProcessor.define({
    name: "gain",
    options: GainOptions,
    open: ({ clip, db }) => Effect.succeed(AudioProcessor.sync({ name: "gain", process: Gain.make(db, clip) }))
  }),
  agc: AudioProcessor.define({
    name: "agc",
    options: AgcOptions,
    open: ({ gate, maxCut, maxGain, target }) =>
      Effect.sync(() => {
        const gain = new AutomaticGain({
          sampleRate: TIMELINE_RATE,
          targetDbfs: target,
          maxGainDb: maxGain,
          maxCutDb: maxCut,
          gateDbfs: gate
        })
        return AudioProcessor.sync({ name: "agc", process: (samples) => gain.process(samples) })
      })
  })
}
