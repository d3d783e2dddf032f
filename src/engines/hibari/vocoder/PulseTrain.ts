/**
 * The pulses of a voice: every harmonic of its pitch up to 11 kHz with the amplitude 1, in blocks of 12.5 ms. Pure; plain code
 * on arrays that are made once.
 *
 * @since 0.1.0
 */
import { FRAME, RATE } from "./Spectra.ts"
import { sin } from "./Tables.ts"

/** A pitch at or below it is no voice, Hz; the phase runs on at it. */
const LOWEST_PITCH = 40
const HIGHEST_HARMONIC = 11_000
/** Where the quotient of two small sines is its limit. */
const SMALL = 0.002

const round = Math.fround

/** For each sample of a frame: how much of the pitch is that of the later of the two frames around it, and of the earlier. */
const later = Float64Array.from({ length: FRAME }, (_, j) => round(((j + 0.5) / FRAME + 0.5) % 1))
const earlier = later.map((share) => round(1 - share))

/**
 * Writes the pulses of one frame after another. Rounds to 32 bits where the model was trained to.
 *
 * @category models
 * @since 0.1.0
 */
export class PulseTrain {
  readonly #pitch: Float32Array
  readonly #frames: number
  /** The sum of the pitch of all samples so far. */
  #cycles = 0
  #next = 0

  /**
   * - `pitch`: of each frame, Hz; near 0 where there is no voice.
   */
  constructor(pitch: Float32Array, frames: number) {
    this.#pitch = pitch
    this.#frames = frames
  }

  /** Writes the next frame's 300 pulses; false, and zeros, where all of it is without voice. */
  write(out: Float64Array, at: number): boolean {
    const frame = this.#next++
    const pitch = this.#pitch
    const here = pitch[frame]!
    const before = pitch[Math.max(0, frame - 1)]!
    const after = pitch[Math.min(this.#frames - 1, frame + 1)]!
    if (!(here > LOWEST_PITCH || before > LOWEST_PITCH || after > LOWEST_PITCH)) {
      this.#cycles += LOWEST_PITCH * FRAME
      out.fill(0, at, at + FRAME)
      return false
    }
    let voiced = false
    let cycles = this.#cycles
    for (let j = 0; j < FRAME; j++) {
      const first = j < FRAME / 2
      const from = first ? before : here
      const to = first ? here : after
      const heard = Math.min(HIGHEST_HARMONIC, round(round(from * earlier[j]!) + round(to * later[j]!)))
      if (!(heard > LOWEST_PITCH)) {
        cycles += LOWEST_PITCH
        out[at + j] = 0
        continue
      }
      voiced = true
      cycles += heard
      const turns = cycles / RATE
      const angle = round(2 * Math.PI * (turns - Math.floor(turns)))
      const harmonics = Math.floor(round(HIGHEST_HARMONIC / heard)) + 0.5
      const divisor = round(2 * round(sin(round(angle / 2))))
      out[at + j] = Math.abs(divisor) <= SMALL
        ? harmonics - 0.5
        : round(round(round(sin(round(harmonics * angle))) / divisor) - 0.5)
    }
    this.#cycles = cycles
    return voiced
  }
}
