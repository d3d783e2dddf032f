/**
 * Where the speech of a piece begins and ends, read from its spectra before any sound is made of them: each piece begins with
 * about 300 ms of digital silence and ends with about 460. Pure.
 *
 * @since 0.1.0
 */
import { BINS, type Spectra, WINDOW } from "./Spectra.ts"
import { exp } from "./Tables.ts"

/** The mean square of -60 dBFS: a quieter frame without voice is silence. */
const SILENCE = 1e-6
/** What the squares of a frame's magnitudes are of the mean square of its sound. */
const SCALE = 2 / (WINDOW * WINDOW)
const VOICED = 40
/** A frame sounds in the frame before it too, and a soft beginning is not cut: 37.5 ms. */
const LEAD = 3

const isSound = ({ frames, free, noise, pitch }: Spectra, frame: number): boolean => {
  if (pitch[frame]! > VOICED) return true
  let sum = 0
  for (let k = 0, at = frame; k < BINS; k++, at += frames) sum += exp(2 * free[at]!) + exp(2 * noise[at]!)
  return sum * SCALE > SILENCE
}

/**
 * The frames to give: from 37.5 ms before the first sound to `trail` frames after the last (which sounds in the frame after it
 * too). `from` equals `to` where all is silence.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (spectra: Spectra, trail: number): { readonly from: number; readonly to: number } => {
  const { frames } = spectra
  let first = 0
  while (first < frames && !isSound(spectra, first)) first++
  if (first === frames) return { from: 0, to: 0 }
  let last = frames - 1
  while (!isSound(spectra, last)) last--
  return { from: Math.max(0, first - LEAD), to: Math.min(frames, last + 1 + trail) }
}
