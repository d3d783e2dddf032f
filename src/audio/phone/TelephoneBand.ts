/**
 * The band of a telephone: 300 to 3,400 Hz (ITU-T G.712), of PCM at 8 kHz.
 *
 * @since 0.1.0
 */
import { RATE } from "./PhoneRate.ts"

const LOW = 300
const HIGH = 3_400

/** The Q of the two halves of a Butterworth filter of the fourth order. */
const HALVES = [1 / (2 * Math.cos(Math.PI / 8)), 1 / (2 * Math.cos(3 * Math.PI / 8))] as const

/** A filter of the second order: `b` on what comes in, `a` on what went out, and the state of transposed form II. */
interface Section {
  readonly b0: number
  readonly b1: number
  readonly b2: number
  readonly a1: number
  readonly a2: number
  s1: number
  s2: number
}

/** By the bilinear transform, whose warp is undone at `hz`: there the two sections of a pass are 3 dB down. */
const section = (pass: "high" | "low", hz: number, q: number): Section => {
  const omega = 2 * Math.PI * hz / RATE
  const cos = Math.cos(omega)
  const alpha = Math.sin(omega) / (2 * q)
  const edge = pass === "low" ? 1 - cos : 1 + cos
  const a0 = 1 + alpha
  return {
    b0: edge / 2 / a0,
    b1: (pass === "low" ? edge : -edge) / a0,
    b2: edge / 2 / a0,
    a1: -2 * cos / a0,
    a2: (1 - alpha) / a0,
    s1: 0,
    s2: 0
  }
}

/**
 * The filter of one stream, which may come in pieces of any length: 3 dB down at 300 and at 3,400 Hz, falling by 24 dB an octave
 * below, and faster above.
 *
 * @category models
 * @since 0.1.0
 */
export class TelephoneBand {
  readonly #sections = [
    ...HALVES.map((q) => section("high", LOW, q)),
    ...HALVES.map((q) => section("low", HIGH, q))
  ]

  /** Filters samples at 8 kHz in place, and returns them. */
  process(samples: Int16Array): Int16Array {
    for (let i = 0; i < samples.length; i++) {
      let value = samples[i]!
      for (const each of this.#sections) {
        const out = each.b0 * value + each.s1
        each.s1 = each.b1 * value - each.a1 * out + each.s2
        each.s2 = each.b2 * value - each.a2 * out
        value = out
      }
      samples[i] = Math.max(-32_768, Math.min(32_767, Math.round(value)))
    }
    return samples
  }
}
