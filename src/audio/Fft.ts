/**
 * The discrete Fourier transform of real samples, and its inverse. Plain and synchronous; a transform allocates nothing.
 *
 * A Stockham transform of half the length on pairs of samples as complex numbers, in steps of 4, 5, 3 and 2, and one pass
 * that separates the two halves.
 *
 * @since 0.1.0
 */

/** One pass over the data: combines `radix` transforms into one of `radix` times their length. */
interface Pass {
  readonly radix: number
  /** How many groups of inputs are combined with different factors. */
  readonly groups: number
  /** How many times each factor is used in a row. */
  readonly stride: number
  /** For each group the factors of its outputs 1 to `radix` - 1, as pairs. */
  readonly factors: Float64Array
}

const RADICES = [4, 5, 3, 2]
const SIN_60 = Math.sin(Math.PI / 3)
const COS_72 = Math.cos(2 * Math.PI / 5)
const SIN_72 = Math.sin(2 * Math.PI / 5)
const COS_144 = Math.cos(4 * Math.PI / 5)
const SIN_144 = Math.sin(4 * Math.PI / 5)

const passesOf = (length: number): ReadonlyArray<Pass> => {
  const passes: Array<Pass> = []
  let left = length
  let stride = 1
  while (left > 1) {
    const radix = RADICES.find((each) => left % each === 0)
    if (radix === undefined) throw new RangeError("the length of a transform must be 2 · 2^a · 3^b · 5^c")
    const groups = left / radix
    const factors = new Float64Array(2 * groups * (radix - 1))
    for (let group = 0; group < groups; group++) {
      for (let output = 1; output < radix; output++) {
        const at = 2 * (group * (radix - 1) + output - 1)
        const angle = -2 * Math.PI * group * output / left
        factors[at] = Math.cos(angle)
        factors[at + 1] = Math.sin(angle)
      }
    }
    passes.push({ radix, groups, stride, factors })
    left = groups
    stride *= radix
  }
  return passes
}

/** Writes (re + i im) · factors[f], at `at`. */
const writeScaled = (to: Float64Array, at: number, re: number, im: number, factors: Float64Array, f: number): void => {
  const wr = factors[f]!
  const wi = factors[f + 1]!
  to[at] = re * wr - im * wi
  to[at + 1] = re * wi + im * wr
}

const combine2 = ({ factors, groups, stride }: Pass, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride
  const apart = step * groups
  for (let group = 0; group < groups; group++) {
    let i = step * group
    let o = 2 * step * group
    for (const end = i + step; i < end; i += 2, o += 2) {
      const ar = from[i]!, ai = from[i + 1]!
      const br = from[i + apart]!, bi = from[i + apart + 1]!
      to[o] = ar + br
      to[o + 1] = ai + bi
      writeScaled(to, o + step, ar - br, ai - bi, factors, 2 * group)
    }
  }
}

const combine3 = ({ factors, groups, stride }: Pass, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride
  const apart = step * groups
  for (let group = 0; group < groups; group++) {
    const f = 4 * group
    let i = step * group
    let o = 3 * step * group
    for (const end = i + step; i < end; i += 2, o += 2) {
      const ar = from[i]!, ai = from[i + 1]!
      const br = from[i + apart]!, bi = from[i + apart + 1]!
      const cr = from[i + 2 * apart]!, ci = from[i + 2 * apart + 1]!
      const sr = br + cr, si = bi + ci
      const mr = ar - sr / 2, mi = ai - si / 2
      const dr = SIN_60 * (bi - ci), di = SIN_60 * (cr - br)
      to[o] = ar + sr
      to[o + 1] = ai + si
      writeScaled(to, o + step, mr + dr, mi + di, factors, f)
      writeScaled(to, o + 2 * step, mr - dr, mi - di, factors, f + 2)
    }
  }
}

const combine4 = ({ factors, groups, stride }: Pass, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride
  const apart = step * groups
  for (let group = 0; group < groups; group++) {
    const f = 6 * group
    let i = step * group
    let o = 4 * step * group
    for (const end = i + step; i < end; i += 2, o += 2) {
      const ar = from[i]!, ai = from[i + 1]!
      const br = from[i + apart]!, bi = from[i + apart + 1]!
      const cr = from[i + 2 * apart]!, ci = from[i + 2 * apart + 1]!
      const dr = from[i + 3 * apart]!, di = from[i + 3 * apart + 1]!
      const evenSumR = ar + cr, evenSumI = ai + ci
      const evenDiffR = ar - cr, evenDiffI = ai - ci
      const oddSumR = br + dr, oddSumI = bi + di
      // the difference of the odd ones, times -i
      const oddDiffR = bi - di, oddDiffI = dr - br
      to[o] = evenSumR + oddSumR
      to[o + 1] = evenSumI + oddSumI
      writeScaled(to, o + step, evenDiffR + oddDiffR, evenDiffI + oddDiffI, factors, f)
      writeScaled(to, o + 2 * step, evenSumR - oddSumR, evenSumI - oddSumI, factors, f + 2)
      writeScaled(to, o + 3 * step, evenDiffR - oddDiffR, evenDiffI - oddDiffI, factors, f + 4)
    }
  }
}

const combine5 = ({ factors, groups, stride }: Pass, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride
  const apart = step * groups
  for (let group = 0; group < groups; group++) {
    const f = 8 * group
    let i = step * group
    let o = 5 * step * group
    for (const end = i + step; i < end; i += 2, o += 2) {
      const ar = from[i]!, ai = from[i + 1]!
      const br = from[i + apart]!, bi = from[i + apart + 1]!
      const cr = from[i + 2 * apart]!, ci = from[i + 2 * apart + 1]!
      const dr = from[i + 3 * apart]!, di = from[i + 3 * apart + 1]!
      const er = from[i + 4 * apart]!, ei = from[i + 4 * apart + 1]!
      const outerR = br + er, outerI = bi + ei
      const innerR = cr + dr, innerI = ci + di
      // the differences, times -i
      const outerDiffR = bi - ei, outerDiffI = er - br
      const innerDiffR = ci - di, innerDiffI = dr - cr
      const oneR = ar + COS_72 * outerR + COS_144 * innerR, oneI = ai + COS_72 * outerI + COS_144 * innerI
      const twoR = ar + COS_144 * outerR + COS_72 * innerR, twoI = ai + COS_144 * outerI + COS_72 * innerI
      const oneDiffR = SIN_72 * outerDiffR + SIN_144 * innerDiffR
      const oneDiffI = SIN_72 * outerDiffI + SIN_144 * innerDiffI
      const twoDiffR = SIN_144 * outerDiffR - SIN_72 * innerDiffR
      const twoDiffI = SIN_144 * outerDiffI - SIN_72 * innerDiffI
      to[o] = ar + outerR + innerR
      to[o + 1] = ai + outerI + innerI
      writeScaled(to, o + step, oneR + oneDiffR, oneI + oneDiffI, factors, f)
      writeScaled(to, o + 2 * step, twoR + twoDiffR, twoI + twoDiffI, factors, f + 2)
      writeScaled(to, o + 3 * step, twoR - twoDiffR, twoI - twoDiffI, factors, f + 4)
      writeScaled(to, o + 4 * step, oneR - oneDiffR, oneI - oneDiffI, factors, f + 6)
    }
  }
}

const combine = (pass: Pass, from: Float64Array, to: Float64Array): void => {
  switch (pass.radix) {
    case 2:
      return combine2(pass, from, to)
    case 3:
      return combine3(pass, from, to)
    case 4:
      return combine4(pass, from, to)
    default:
      return combine5(pass, from, to)
  }
}

/**
 * Transforms of one length, which must be 2 · 2^a · 3^b · 5^c, such as 400, 512 or 1200. Its work space is its own: one
 * transform at a time.
 *
 * @category models
 * @since 0.1.0
 */
export class RealFft {
  /** How many samples. */
  readonly length: number
  /** How many bins a spectrum has: half the length and one. */
  readonly bins: number
  readonly #passes: ReadonlyArray<Pass>
  /** exp(-2πi k / length) for each bin, as pairs. */
  readonly #turns: Float64Array
  readonly #one: Float64Array
  readonly #other: Float64Array

  /** Throws a `RangeError` for another length. */
  constructor(length: number) {
    if (!Number.isSafeInteger(length) || length < 2 || length % 2 !== 0) {
      throw new RangeError("the length of a transform must be even")
    }
    this.length = length
    this.bins = length / 2 + 1
    this.#passes = passesOf(length / 2)
    this.#turns = new Float64Array(2 * this.bins)
    for (let k = 0; k < this.bins; k++) {
      this.#turns[2 * k] = Math.cos(2 * Math.PI * k / length)
      this.#turns[2 * k + 1] = -Math.sin(2 * Math.PI * k / length)
    }
    this.#one = new Float64Array(length)
    this.#other = new Float64Array(length)
  }

  /** Transforms the complex numbers in the first work space; returns the one with the result. */
  #complex(): Float64Array {
    let from = this.#one
    let to = this.#other
    for (const pass of this.#passes) {
      combine(pass, from, to)
      const former = from
      from = to
      to = former
    }
    return from
  }

  /** Writes the spectrum of `length` samples: the real and the imaginary part of each bin, not scaled. */
  forward(samples: Float64Array, real: Float64Array, imaginary: Float64Array): void {
    const half = this.length / 2
    this.#one.set(samples)
    const z = this.#complex()
    const turns = this.#turns
    for (let k = 0; k <= half; k++) {
      const a = k === half ? 0 : 2 * k
      const b = k === 0 ? 0 : 2 * (half - k)
      const evenR = (z[a]! + z[b]!) / 2, evenI = (z[a + 1]! - z[b + 1]!) / 2
      const oddR = (z[a + 1]! + z[b + 1]!) / 2, oddI = (z[b]! - z[a]!) / 2
      const wr = turns[2 * k]!, wi = turns[2 * k + 1]!
      real[k] = evenR + oddR * wr - oddI * wi
      imaginary[k] = evenI + oddR * wi + oddI * wr
    }
  }

  /**
   * Writes the `length` samples of a spectrum, scaled so that it undoes `forward`. The imaginary parts of the first and the
   * last bin are taken for 0.
   */
  inverse(real: Float64Array, imaginary: Float64Array, samples: Float64Array): void {
    const half = this.length / 2
    const z = this.#one
    const turns = this.#turns
    for (let k = 0; k < half; k++) {
      const ai = k === 0 ? 0 : imaginary[k]!
      const bi = k === 0 ? 0 : -imaginary[half - k]!
      const ar = real[k]!, br = real[half - k]!
      const evenR = (ar + br) / 2, evenI = (ai + bi) / 2
      const diffR = (ar - br) / 2, diffI = (ai - bi) / 2
      const wr = turns[2 * k]!, wi = -turns[2 * k + 1]!
      const oddR = diffR * wr - diffI * wi, oddI = diffR * wi + diffI * wr
      // an inverse transform is a forward one between two conjugations
      z[2 * k] = evenR - oddI
      z[2 * k + 1] = -(evenI + oddR)
    }
    const result = this.#complex()
    for (let i = 0; i < this.length; i += 2) {
      samples[i] = result[i]! / half
      samples[i + 1] = -result[i + 1]! / half
    }
  }
}
