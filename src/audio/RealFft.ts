/**
 * The discrete Fourier transform of real signals, for lengths `2 · 2^a · 3^b · 5^c`. Pure; no allocation per transform.
 *
 * A complex transform of half the length (Stockham: sorted, of radix 2, 3, 4 and 5), and a pass that splits or merges its
 * bins. A spectrum holds real and imaginary parts in turn, for the bins 0 to n / 2: `n + 2` numbers.
 *
 * @since 0.1.0
 */

/** One pass of the complex transform. */
interface Pass {
  readonly radix: number
  /** How many blocks the pass makes, each with twiddle factors of its own. */
  readonly blocks: number
  /** Values that lie between those of one butterfly's block, in complex numbers. */
  readonly stride: number
  /** `radix - 1` complex factors for each block, of the forward transform. */
  readonly twiddles: Float64Array
}

const SIN_60 = Math.sqrt(3) / 2
const COS_72 = Math.cos((2 * Math.PI) / 5)
const COS_144 = Math.cos((4 * Math.PI) / 5)
const SIN_72 = Math.sin((2 * Math.PI) / 5)
const SIN_144 = Math.sin((4 * Math.PI) / 5)

const radices = (length: number): Array<number> => {
  const found: Array<number> = []
  let rest = length
  for (const radix of [5, 4, 3, 2]) {
    while (rest % radix === 0) {
      found.push(radix)
      rest /= radix
    }
  }
  if (rest !== 1) throw new RangeError(`a transform of 2 x ${length} has a prime factor above 5`)
  return found
}

const passesOf = (length: number): Array<Pass> => {
  const passes: Array<Pass> = []
  let remaining = length
  let stride = 1
  for (const radix of radices(length)) {
    const blocks = remaining / radix
    const twiddles = new Float64Array(2 * (radix - 1) * blocks)
    for (let block = 0; block < blocks; block++) {
      for (let j = 1; j < radix; j++) {
        const angle = (-2 * Math.PI * block * j) / remaining
        const at = 2 * (block * (radix - 1) + j - 1)
        twiddles[at] = Math.cos(angle)
        twiddles[at + 1] = Math.sin(angle)
      }
    }
    passes.push({ radix, blocks, stride, twiddles })
    remaining = blocks
    stride *= radix
  }
  return passes
}

const radix2 = ({ blocks, stride, twiddles }: Pass, sign: number, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride * blocks
  for (let block = 0; block < blocks; block++) {
    const wr = twiddles[2 * block]!
    const wi = sign * twiddles[2 * block + 1]!
    let a = 2 * stride * block
    let b = 2 * a
    for (let q = 0; q < stride; q++, a += 2, b += 2) {
      const r0 = from[a]!
      const i0 = from[a + 1]!
      const r1 = from[a + step]!
      const i1 = from[a + step + 1]!
      to[b] = r0 + r1
      to[b + 1] = i0 + i1
      const r = r0 - r1
      const i = i0 - i1
      to[b + 2 * stride] = r * wr - i * wi
      to[b + 2 * stride + 1] = r * wi + i * wr
    }
  }
}

const radix3 = ({ blocks, stride, twiddles }: Pass, sign: number, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride * blocks
  const out = 2 * stride
  const s = sign * SIN_60
  for (let block = 0; block < blocks; block++) {
    const w1r = twiddles[4 * block]!
    const w1i = sign * twiddles[4 * block + 1]!
    const w2r = twiddles[4 * block + 2]!
    const w2i = sign * twiddles[4 * block + 3]!
    let a = 2 * stride * block
    let b = 3 * a
    for (let q = 0; q < stride; q++, a += 2, b += 2) {
      const r0 = from[a]!
      const i0 = from[a + 1]!
      const r1 = from[a + step]!
      const i1 = from[a + step + 1]!
      const r2 = from[a + 2 * step]!
      const i2 = from[a + 2 * step + 1]!
      const sumR = r1 + r2
      const sumI = i1 + i2
      const midR = r0 - 0.5 * sumR
      const midI = i0 - 0.5 * sumI
      const turnR = s * (i1 - i2)
      const turnI = -s * (r1 - r2)
      to[b] = r0 + sumR
      to[b + 1] = i0 + sumI
      let r = midR + turnR
      let i = midI + turnI
      to[b + out] = r * w1r - i * w1i
      to[b + out + 1] = r * w1i + i * w1r
      r = midR - turnR
      i = midI - turnI
      to[b + 2 * out] = r * w2r - i * w2i
      to[b + 2 * out + 1] = r * w2i + i * w2r
    }
  }
}

const radix4 = ({ blocks, stride, twiddles }: Pass, sign: number, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride * blocks
  const out = 2 * stride
  for (let block = 0; block < blocks; block++) {
    const w1r = twiddles[6 * block]!
    const w1i = sign * twiddles[6 * block + 1]!
    const w2r = twiddles[6 * block + 2]!
    const w2i = sign * twiddles[6 * block + 3]!
    const w3r = twiddles[6 * block + 4]!
    const w3i = sign * twiddles[6 * block + 5]!
    let a = 2 * stride * block
    let b = 4 * a
    for (let q = 0; q < stride; q++, a += 2, b += 2) {
      const r0 = from[a]!
      const i0 = from[a + 1]!
      const r1 = from[a + step]!
      const i1 = from[a + step + 1]!
      const r2 = from[a + 2 * step]!
      const i2 = from[a + 2 * step + 1]!
      const r3 = from[a + 3 * step]!
      const i3 = from[a + 3 * step + 1]!
      const evenR = r0 + r2
      const evenI = i0 + i2
      const oddR = r1 + r3
      const oddI = i1 + i3
      const restR = r0 - r2
      const restI = i0 - i2
      const turnR = sign * (i1 - i3)
      const turnI = -sign * (r1 - r3)
      to[b] = evenR + oddR
      to[b + 1] = evenI + oddI
      let r = restR + turnR
      let i = restI + turnI
      to[b + out] = r * w1r - i * w1i
      to[b + out + 1] = r * w1i + i * w1r
      r = evenR - oddR
      i = evenI - oddI
      to[b + 2 * out] = r * w2r - i * w2i
      to[b + 2 * out + 1] = r * w2i + i * w2r
      r = restR - turnR
      i = restI - turnI
      to[b + 3 * out] = r * w3r - i * w3i
      to[b + 3 * out + 1] = r * w3i + i * w3r
    }
  }
}

const radix5 = ({ blocks, stride, twiddles }: Pass, sign: number, from: Float64Array, to: Float64Array): void => {
  const step = 2 * stride * blocks
  const out = 2 * stride
  const s1 = sign * SIN_72
  const s2 = sign * SIN_144
  for (let block = 0; block < blocks; block++) {
    const w1r = twiddles[8 * block]!
    const w1i = sign * twiddles[8 * block + 1]!
    const w2r = twiddles[8 * block + 2]!
    const w2i = sign * twiddles[8 * block + 3]!
    const w3r = twiddles[8 * block + 4]!
    const w3i = sign * twiddles[8 * block + 5]!
    const w4r = twiddles[8 * block + 6]!
    const w4i = sign * twiddles[8 * block + 7]!
    let a = 2 * stride * block
    let b = 5 * a
    for (let q = 0; q < stride; q++, a += 2, b += 2) {
      const r0 = from[a]!
      const i0 = from[a + 1]!
      const r1 = from[a + step]!
      const i1 = from[a + step + 1]!
      const r2 = from[a + 2 * step]!
      const i2 = from[a + 2 * step + 1]!
      const r3 = from[a + 3 * step]!
      const i3 = from[a + 3 * step + 1]!
      const r4 = from[a + 4 * step]!
      const i4 = from[a + 4 * step + 1]!
      const outerR = r1 + r4
      const outerI = i1 + i4
      const innerR = r2 + r3
      const innerI = i2 + i3
      const apartR = r1 - r4
      const apartI = i1 - i4
      const nearR = r2 - r3
      const nearI = i2 - i3
      to[b] = r0 + outerR + innerR
      to[b + 1] = i0 + outerI + innerI
      const mid1R = r0 + COS_72 * outerR + COS_144 * innerR
      const mid1I = i0 + COS_72 * outerI + COS_144 * innerI
      const mid2R = r0 + COS_144 * outerR + COS_72 * innerR
      const mid2I = i0 + COS_144 * outerI + COS_72 * innerI
      const turn1R = s1 * apartI + s2 * nearI
      const turn1I = -s1 * apartR - s2 * nearR
      const turn2R = s2 * apartI - s1 * nearI
      const turn2I = -s2 * apartR + s1 * nearR
      let r = mid1R + turn1R
      let i = mid1I + turn1I
      to[b + out] = r * w1r - i * w1i
      to[b + out + 1] = r * w1i + i * w1r
      r = mid2R + turn2R
      i = mid2I + turn2I
      to[b + 2 * out] = r * w2r - i * w2i
      to[b + 2 * out + 1] = r * w2i + i * w2r
      r = mid2R - turn2R
      i = mid2I - turn2I
      to[b + 3 * out] = r * w3r - i * w3i
      to[b + 3 * out + 1] = r * w3i + i * w3r
      r = mid1R - turn1R
      i = mid1I - turn1I
      to[b + 4 * out] = r * w4r - i * w4i
      to[b + 4 * out + 1] = r * w4i + i * w4r
    }
  }
}

const butterflies = { 2: radix2, 3: radix3, 4: radix4, 5: radix5 } as const

/**
 * A transform of one length, with its tables and its scratch memory: use one per thread of work.
 *
 * @category models
 * @since 0.1.0
 */
export interface RealFft {
  readonly length: number
  /** Transforms `length` samples to `length + 2` numbers, without a factor. */
  readonly forward: (signal: Float64Array, spectrum: Float64Array) => void
  /**
   * Transforms a spectrum back, with the factor 1 / `length`. The imaginary parts of the first and the last bin count for
   * nothing.
   */
  readonly inverse: (spectrum: Float64Array, signal: Float64Array) => void
}

/**
 * Makes a transform of real signals of this length. Throws `RangeError` for a length that is odd or has a prime factor
 * above 5.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (length: number): RealFft => {
  if (length % 2 !== 0 || length < 4) throw new RangeError(`a transform of ${length} samples: even, from 4 on`)
  const half = length / 2
  const passes = passesOf(half)
  const scratch = [new Float64Array(length), new Float64Array(length)] as const
  const packed = new Float64Array(length)
  const cosines = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / length))
  const sines = Float64Array.from({ length: half }, (_, k) => Math.sin((2 * Math.PI * k) / length))

  /** The complex transform: a real signal, read as pairs, is its input already. */
  const complex = (sign: number, input: Float64Array, output: Float64Array): void => {
    let from = input
    for (let i = 0; i < passes.length; i++) {
      const pass = passes[i]!
      const to = i === passes.length - 1 ? output : scratch[i & 1]!
      butterflies[pass.radix as 2 | 3 | 4 | 5](pass, sign, from, to)
      from = to
    }
  }

  return {
    length,
    forward: (signal, spectrum) => {
      complex(1, signal, packed)
      const first = packed[0]!
      const second = packed[1]!
      spectrum[0] = first + second
      spectrum[1] = 0
      spectrum[length] = first - second
      spectrum[length + 1] = 0
      for (let k = 1; k <= half - k; k++) {
        const a = 2 * k
        const b = length - a
        const evenR = 0.5 * (packed[a]! + packed[b]!)
        const evenI = 0.5 * (packed[a + 1]! - packed[b + 1]!)
        const oddR = 0.5 * (packed[a + 1]! + packed[b + 1]!)
        const oddI = 0.5 * (packed[b]! - packed[a]!)
        const c = cosines[k]!
        const s = sines[k]!
        const r = oddR * c + oddI * s
        const i = oddI * c - oddR * s
        spectrum[a] = evenR + r
        spectrum[a + 1] = evenI + i
        spectrum[b] = evenR - r
        spectrum[b + 1] = i - evenI
      }
    },
    inverse: (spectrum, signal) => {
      const factor = 1 / length
      packed[0] = factor * (spectrum[0]! + spectrum[length]!)
      packed[1] = factor * (spectrum[0]! - spectrum[length]!)
      for (let k = 1; k <= half - k; k++) {
        const a = 2 * k
        const b = length - a
        const evenR = factor * (spectrum[a]! + spectrum[b]!)
        const evenI = factor * (spectrum[a + 1]! - spectrum[b + 1]!)
        const r = factor * (spectrum[a]! - spectrum[b]!)
        const i = factor * (spectrum[a + 1]! + spectrum[b + 1]!)
        const c = cosines[k]!
        const s = sines[k]!
        const oddR = r * c - i * s
        const oddI = r * s + i * c
        packed[a] = evenR - oddI
        packed[a + 1] = evenI + oddR
        packed[b] = evenR + oddI
        packed[b + 1] = oddR - evenI
      }
      complex(-1, packed, signal)
    }
  }
}
