/**
 * Makes audio louder or quieter by a fixed number of decibels.
 *
 * Samples beyond full scale are either clipped (`hard`: cheap, and audible as distortion) or compressed (`soft`: samples below
 * -3 dBFS are exact, louder ones approach full scale smoothly). A gain that only attenuates compresses nothing.
 *
 * @since 0.1.0
 */
import * as Pcm from "./Pcm.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Clipping = "soft" | "hard"

const FULL = 32767
/** Where compression starts: -3 dBFS. */
const KNEE = FULL * 10 ** (-3 / 20)
const HEADROOM = FULL - KNEE

/** Compresses a magnitude to below full scale. */
const compress = (magnitude: number): number =>
  magnitude <= KNEE ? magnitude : KNEE + HEADROOM * Math.tanh((magnitude - KNEE) / HEADROOM)

/**
 * Makes a function that applies a gain of `db` decibels to samples, in place.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (db: number, clipping: Clipping = "soft"): (samples: Int16Array) => Int16Array => {
  const factor = Pcm.gainOfDb(db)
  if (clipping === "hard" || factor <= 1) return (samples) => Pcm.gain(samples, factor, samples)
  return (samples) => {
    for (let i = 0; i < samples.length; i++) {
      const value = samples[i]! * factor
      samples[i] = Math.round(value < 0 ? -compress(-value) : compress(value))
    }
    return samples
  }
}
