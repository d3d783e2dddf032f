/**
 * The noise of breath and consonants: normal numbers made once, of which each frame takes a stretch by its own number and a
 * seed. The same seed gives the same sound, whatever the order of frames. Pure.
 *
 * @since 0.1.0
 */
import { BINS } from "./Spectra.ts"

const SIZE = 65_536
/** Two numbers per bin. */
const STRETCH = 2 * BINS

/** A well-mixed number of 32 bits for a number. */
const mix = (value: number): number => {
  let x = (value + 0x9e3779b9) | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

const makeNormals = (): Float64Array => {
  const numbers = new Float64Array(SIZE + STRETCH)
  for (let i = 0; i < SIZE; i += 2) {
    // Box and Muller: two even numbers make two normal ones
    const radius = Math.sqrt(-2 * Math.log((mix(i) + 1) / 0x1_0000_0000))
    const angle = (2 * Math.PI * mix(i + 1)) / 0x1_0000_0000
    numbers[i] = radius * Math.cos(angle)
    numbers[i + 1] = radius * Math.sin(angle)
  }
  numbers.copyWithin(SIZE, 0, STRETCH)
  return numbers
}

/**
 * Normal numbers of mean 0 and variance 1; a frame takes 1,202 of them in a row.
 *
 * @category constants
 * @since 0.1.0
 */
export const normals: Float64Array = makeNormals()

/**
 * Where the numbers of a frame begin in `normals`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const startOf = (seed: number, frame: number): number => mix(Math.imul(seed, 0x01000193) ^ mix(frame)) % SIZE
