/**
 * Makes audio louder or quieter by a fixed number of decibels.
 *
 * What would exceed full scale is either cut off (`hard`: cheap, and audible as distortion when there is much of it), or
 * bent (`soft`): samples below -3 dBFS are exact, those above approach full scale without ever reaching a corner. A gain
 * that only attenuates bends nothing.
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
/** Where bending begins: -3 dBFS. */
const KNEE = FULL * 10 ** (-3 / 20)
const ROOM = FULL - KNEE

/** A magnitude of any size as one below full scale. */
const bent = (magnitude: number): number =>
  magnitude <= KNEE ? magnitude : KNEE + ROOM * Math.tanh((magnitude - KNEE) / ROOM)

/**
 * Makes the function that applies a gain of `db` decibels to samples, in place.
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
      samples[i] = Math.round(value < 0 ? -bent(-value) : bent(value))
    }
    return samples
  }
}
