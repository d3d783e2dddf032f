/**
 * The `provider_config` of the Pipecat provider.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maxSampleRate, minSampleRate } from "../../audio/AudioFormat.ts"
import { withDefault } from "../../schema/Defaults.ts"
import { encodeKeys } from "../../schema/EncodedKeys.ts"

const SampleRate = Schema.Int.check(Schema.isBetween({ minimum: minSampleRate, maximum: maxSampleRate }))

/**
 * - `inputSampleRate`: of the audio that bridges send, in Hz: their pipeline's `audio_in_sample_rate`. 16,000; a bridge may
 *   ask for another one with `?input_rate=`.
 * - `outputSampleRate`: of the audio that bridges receive, in Hz: their pipeline's `audio_out_sample_rate`. 24,000; or
 *   `?output_rate=`.
 * - `maxConnectionsPerSession`: open connections of one session, replaced ones that still close included. 4.
 *
 * @category models
 * @since 0.1.0
 */
export const PipecatConfig = Schema.Struct({
  inputSampleRate: SampleRate.pipe(withDefault(16_000)),
  outputSampleRate: SampleRate.pipe(withDefault(24_000)),
  maxConnectionsPerSession: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 32 })).pipe(withDefault(4))
}).pipe(encodeKeys({
  inputSampleRate: "input_sample_rate",
  outputSampleRate: "output_sample_rate",
  maxConnectionsPerSession: "max_connections_per_session"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type PipecatConfig = typeof PipecatConfig.Type
