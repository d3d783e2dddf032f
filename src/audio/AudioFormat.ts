/**
 * The format of all audio inside the library: signed 16-bit little-endian mono PCM at a sample rate, in frames of 20 ms.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The length of a frame in milliseconds; what WebRTC and telephony send by default (RFC 7587 §4.2, RFC 3551 §4.2).
 *
 * @category constants
 * @since 0.1.0
 */
export const frameMs = 20

/**
 * The lowest sample rate in Hz (narrow-band telephony).
 *
 * @category constants
 * @since 0.1.0
 */
export const minSampleRate = 8_000

/**
 * The highest sample rate in Hz (Opus' full band).
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSampleRate = 48_000

/**
 * A sample rate in Hz, an integer from 8,000 to 48,000.
 *
 * @category models
 * @since 0.1.0
 */
export const SampleRate = Schema.Int.check(
  Schema.isBetween({ minimum: minSampleRate, maximum: maxSampleRate })
)

/**
 * @category models
 * @since 0.1.0
 */
export type SampleRate = typeof SampleRate.Type

/**
 * Describes PCM: signed 16-bit little-endian mono samples at `sampleRate` Hz.
 *
 * @category models
 * @since 0.1.0
 */
export const AudioFormat = Schema.Struct({
  /** In Hz. */
  sampleRate: SampleRate
})

/**
 * @category models
 * @since 0.1.0
 */
export type AudioFormat = typeof AudioFormat.Type

/**
 * Makes an `AudioFormat` without checking; `sampleRate` is in Hz and known to be 8,000..48,000.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (sampleRate: number): AudioFormat => ({ sampleRate })

/**
 * Tells whether a number is a sample rate (in Hz) that an `AudioFormat` may have.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSampleRate = (sampleRate: number): boolean =>
  Number.isInteger(sampleRate) && sampleRate >= minSampleRate && sampleRate <= maxSampleRate

/**
 * Returns how many samples `ms` milliseconds hold, rounded to the nearest sample.
 *
 * @category conversions
 * @since 0.1.0
 */
export const samplesOf = (format: AudioFormat, ms: number): number => Math.round(format.sampleRate * ms / 1000)

/**
 * Returns the milliseconds (with fraction) that `samples` samples last at `sampleRate` Hz.
 *
 * @category conversions
 * @since 0.1.0
 */
export const msOf = (samples: number, sampleRate: number): number => samples * 1000 / sampleRate

/**
 * Returns the samples of one 20 ms frame: 160 at 8 kHz, 320 at 16 kHz, 480 at 24 kHz, 960 at 48 kHz.
 *
 * At a rate that is not a multiple of 50 (11,025 and 22,050 Hz) the frame is rounded to the nearest sample.
 *
 * @category conversions
 * @since 0.1.0
 */
export const frameSamples = (format: AudioFormat): number => samplesOf(format, frameMs)

/**
 * Returns the bytes of one 20 ms frame, two for each sample.
 *
 * @category conversions
 * @since 0.1.0
 */
export const frameBytes = (format: AudioFormat): number => 2 * frameSamples(format)
