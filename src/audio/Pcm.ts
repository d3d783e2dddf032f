/**
 * Functions for 16-bit PCM: conversion from and to bytes, levels, gain, fades.
 *
 * Functions with an `out` argument write into it and return it (or a view of its first part when it is longer);
 * without it they allocate. `toInt16` and `fromInt16` return a **view** of their argument on little-endian machines: copy it if
 * you keep it longer than the argument.
 *
 * @since 0.1.0
 */

/**
 * The level of digital silence in dBFS; one step of 16-bit PCM is about -90 dBFS.
 *
 * @category constants
 * @since 0.1.0
 */
export const silenceDbfs = -100

const littleEndianHost = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

const empty = new Int16Array(0)

const fit = <A extends Int16Array | Float32Array>(out: A | undefined, length: number, allocate: () => A): A =>
  out === undefined ? allocate() : out.length === length ? out : out.subarray(0, length) as A // subarray keeps the kind

/**
 * Rounds a value to a sample of 16 bits, clipping what exceeds them; a NaN becomes 0 when it is stored.
 *
 * @category conversions
 * @since 0.1.0
 */
export const saturate = (value: number): number => value > 32767 ? 32767 : value < -32768 ? -32768 : Math.round(value)

const copyBytes = (bytes: Uint8Array, from: number, out: Int16Array, at: number, count: number): void => {
  if (littleEndianHost) {
    new Uint8Array(out.buffer, out.byteOffset + 2 * at, 2 * count).set(bytes.subarray(from, from + 2 * count))
    return
  }
  for (let i = 0; i < count; i++) {
    out[at + i] = bytes[from + 2 * i]! | bytes[from + 2 * i + 1]! << 8
  }
}

/**
 * Reads little-endian bytes as samples; a view when the bytes are 2-byte aligned, else a copy.
 *
 * An odd trailing byte is dropped: use a `PcmReader` where chunks may be cut inside a sample.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toInt16 = (bytes: Uint8Array): Int16Array => {
  const count = bytes.length >> 1
  if (littleEndianHost && (bytes.byteOffset & 1) === 0) {
    return new Int16Array(bytes.buffer, bytes.byteOffset, count)
  }
  const out = new Int16Array(count)
  copyBytes(bytes, 0, out, 0, count)
  return out
}

/**
 * Reads little-endian bytes into samples of their own, so that the bytes may be reused; an odd trailing byte is dropped, and
 * what `out` has no room for.
 *
 * @category conversions
 * @since 0.1.0
 */
export const copyInt16 = (bytes: Uint8Array, out?: Int16Array): Int16Array => {
  const count = Math.min(bytes.length >> 1, out?.length ?? Number.POSITIVE_INFINITY)
  const target = fit(out, count, () => new Int16Array(count))
  copyBytes(bytes, 0, target, 0, count)
  return target
}

/**
 * Writes samples as little-endian bytes; a view of the samples on a little-endian machine.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromInt16 = (samples: Int16Array): Uint8Array => {
  if (littleEndianHost) {
    return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
  }
  const out = new Uint8Array(2 * samples.length)
  for (let i = 0; i < samples.length; i++) {
    out[2 * i] = samples[i]! & 0xff
    out[2 * i + 1] = samples[i]! >> 8 & 0xff
  }
  return out
}

/**
 * Reads samples from byte chunks that may be cut anywhere, carrying an odd byte over to the next chunk.
 *
 * What `push` returns is valid until the next `push` and may be a view of the pushed bytes.
 *
 * @category models
 * @since 0.1.0
 */
export class PcmReader {
  #carry = -1
  #scratch = empty

  /** The number of bytes carried over: 0 or 1. */
  get pendingBytes(): number {
    return this.#carry < 0 ? 0 : 1
  }

  /** Returns the samples that this chunk completes. */
  push(bytes: Uint8Array): Int16Array {
    if (bytes.length === 0) {
      return empty
    }
    const last = bytes[bytes.length - 1]!
    if (this.#carry < 0) {
      if ((bytes.length & 1) === 1) {
        this.#carry = last
      }
      return toInt16(bytes)
    }
    const count = bytes.length + 1 >> 1
    if (this.#scratch.length < count) {
      this.#scratch = new Int16Array(count)
    }
    this.#scratch[0] = this.#carry | bytes[0]! << 8
    copyBytes(bytes, 1, this.#scratch, 1, count - 1)
    this.#carry = (bytes.length & 1) === 1 ? -1 : last
    return this.#scratch.subarray(0, count)
  }

  /** Drops the carried byte. */
  reset(): void {
    this.#carry = -1
  }
}

/**
 * Converts samples to floats in [-1, 1); exact.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toFloat32 = (samples: Int16Array, out?: Float32Array): Float32Array => {
  const target = fit(out, samples.length, () => new Float32Array(samples.length))
  for (let i = 0; i < samples.length; i++) {
    target[i] = samples[i]! / 32768
  }
  return target
}

/**
 * Converts floats to samples, rounding to nearest and clipping outside [-1, 1); a NaN becomes 0.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromFloat32 = (floats: Float32Array, out?: Int16Array): Int16Array => {
  const target = fit(out, floats.length, () => new Int16Array(floats.length))
  for (let i = 0; i < floats.length; i++) {
    target[i] = saturate(floats[i]! * 32768)
  }
  return target
}

/**
 * Returns the root mean square level in dBFS, where a full-scale square wave is 0 and a full-scale sine -3.01.
 *
 * Never below `silenceDbfs` (-100), which is also the level of no samples at all.
 *
 * @category levels
 * @since 0.1.0
 */
export const rmsDbfs = (samples: Int16Array): number => {
  let sum = 0
  for (let i = 0; i < samples.length; i++) {
    sum += samples[i]! * samples[i]!
  }
  return sum === 0 ? silenceDbfs : Math.max(silenceDbfs, 10 * Math.log10(sum / samples.length / (32768 * 32768)))
}

/**
 * Returns the greatest magnitude of a sample, 0 to 32768.
 *
 * @category levels
 * @since 0.1.0
 */
export const peak = (samples: Int16Array): number => {
  let max = 0
  for (let i = 0; i < samples.length; i++) {
    const magnitude = Math.abs(samples[i]!)
    if (magnitude > max) {
      max = magnitude
    }
  }
  return max
}

/**
 * Returns the factor of a gain in dB: 0 is 1, -6.02 is 0.5.
 *
 * @category conversions
 * @since 0.1.0
 */
export const gainOfDb = (db: number): number => 10 ** (db / 20)

/**
 * Multiplies samples by `factor`, clipping what exceeds 16 bits; `out` may be the argument itself.
 *
 * @category combinators
 * @since 0.1.0
 */
export const gain = (samples: Int16Array, factor: number, out?: Int16Array): Int16Array => {
  const target = fit(out, samples.length, () => new Int16Array(samples.length))
  for (let i = 0; i < samples.length; i++) {
    target[i] = saturate(samples[i]! * factor)
  }
  return target
}

/**
 * Fades the first `length` samples in from silence, in place and linearly, so that an abrupt start does not click.
 *
 * 5 ms are enough for speech; `length` is limited to the number of samples.
 *
 * @category mutations
 * @since 0.1.0
 */
export const fadeIn = (samples: Int16Array, length: number): Int16Array => {
  const steps = Math.min(samples.length, Math.trunc(length))
  for (let i = 0; i < steps; i++) {
    samples[i] = Math.round(samples[i]! * i / steps)
  }
  return samples
}

/**
 * Fades the last `length` samples out to silence, in place and linearly; the counterpart of `fadeIn`.
 *
 * @category mutations
 * @since 0.1.0
 */
export const fadeOut = (samples: Int16Array, length: number): Int16Array => {
  const steps = Math.min(samples.length, Math.trunc(length))
  const last = samples.length - 1
  for (let i = 0; i < steps; i++) {
    samples[last - i] = Math.round(samples[last - i]! * i / steps)
  }
  return samples
}

/**
 * Joins chunks into a new array.
 *
 * @category combinators
 * @since 0.1.0
 */
export const concat = (chunks: ReadonlyArray<Int16Array>): Int16Array => {
  let length = 0
  for (const chunk of chunks) {
    length += chunk.length
  }
  const out = new Int16Array(length)
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
