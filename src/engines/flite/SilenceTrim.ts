/**
 * Shortens the silence around synthesised speech: flite puts 150 to 270 ms before and up to 190 ms after it. Pure.
 *
 * @since 0.1.0
 */

/** Silence that stays before the first sound: 30 ms at 16 kHz, so that a soft consonant is not cut. */
const LEAD = 480
/** Silence that stays after the last sound: 120 ms, a breath between two sentences. */
const TRAIL = 1_920
/** 5 ms. */
const WINDOW = 80
/** Power of -50 dBFS: a quieter window is silence. */
const SILENCE = 32768 * 32768 * 10 ** -5

const isSound = (pcm: Int16Array, at: number): boolean => {
  let sum = 0
  const end = Math.min(pcm.length, at + WINDOW)
  for (let i = at; i < end; i++) sum += pcm[i]! * pcm[i]!
  return sum > SILENCE * (end - at)
}

/**
 * Returns a view of the speech with at most 30 ms of silence before and 120 ms after it; empty when all is silence.
 *
 * @category combinators
 * @since 0.1.0
 */
export const trim = (pcm: Int16Array): Int16Array => {
  let from = 0
  while (from < pcm.length && !isSound(pcm, from)) from += WINDOW
  if (from >= pcm.length) return pcm.subarray(0, 0)
  let to = Math.floor((pcm.length - 1) / WINDOW) * WINDOW
  while (!isSound(pcm, to)) to -= WINDOW
  return pcm.subarray(Math.max(0, from - LEAD), Math.min(pcm.length, to + WINDOW + TRAIL))
}
