/**
 * ITU-T G.711: µ-law and A-law, one byte for each sample of 16-bit PCM (8 kHz by its standard).
 *
 * Tables are computed once on import (24 KiB). `out` is written and returned when given, else a new array.
 *
 * @since 0.1.0
 */

// µ-law codes 14-bit magnitudes with a bias of 33 (G.711 table 2); every bit of the code is inverted on the wire.
const expandMuLaw = (code: number): number => {
  const bits = ~code & 0xff
  const magnitude = (((bits & 0x0f) << 1) + 33 << (bits >> 4 & 7)) - 33
  return (bits & 0x80) === 0 ? magnitude * 4 : -magnitude * 4 || 0
}

// `value` is a 14-bit sample; ones' complement for negatives, as in the reference implementation of ITU-T G.191.
const compressMuLaw = (value: number): number => {
  const magnitude = Math.min((value < 0 ? ~value : value) + 33, 0x1fff)
  const segment = 26 - Math.clz32(magnitude)
  return ~(segment << 4 | magnitude >> segment + 1 & 0x0f | (value < 0 ? 0x80 : 0)) & 0xff
}

// A-law codes 12-bit magnitudes (G.711 table 1); even bits are inverted on the wire.
const expandALaw = (code: number): number => {
  const bits = code ^ 0x55
  const segment = bits >> 4 & 7
  const step = (bits & 0x0f) << 1 | 1
  const magnitude = segment === 0 ? step : step + 32 << segment - 1
  return (bits & 0x80) === 0 ? -magnitude * 8 : magnitude * 8
}

// `value` is a 12-bit sample with sign.
const compressALaw = (value: number): number => {
  const magnitude = value < 0 ? ~value : value
  const segment = Math.max(0, 28 - Math.clz32(magnitude))
  const quantised = segment === 0 ? magnitude : segment << 4 | magnitude >> segment - 1 & 0x0f
  return (quantised | (value < 0 ? 0 : 0x80)) ^ 0x55
}

const muLawSamples = Int16Array.from({ length: 256 }, (_, code) => expandMuLaw(code))
const aLawSamples = Int16Array.from({ length: 256 }, (_, code) => expandALaw(code))
const muLawCodes = Uint8Array.from({ length: 0x4000 }, (_, index) => compressMuLaw(index << 18 >> 18))
const aLawCodes = Uint8Array.from({ length: 0x1000 }, (_, index) => compressALaw(index << 20 >> 20))

/**
 * Decodes µ-law (PCMU) bytes into 16-bit samples.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeMuLaw = (bytes: Uint8Array, out?: Int16Array): Int16Array => decode(muLawSamples, bytes, out)

/**
 * Decodes A-law (PCMA) bytes into 16-bit samples.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeALaw = (bytes: Uint8Array, out?: Int16Array): Int16Array => decode(aLawSamples, bytes, out)

/**
 * Encodes 16-bit samples as µ-law (PCMU); samples beyond ±32635 are clipped, as G.711 requires.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeMuLaw = (samples: Int16Array, out?: Uint8Array): Uint8Array => {
  const target = out ?? new Uint8Array(samples.length)
  const count = Math.min(samples.length, target.length)
  for (let i = 0; i < count; i++) {
    target[i] = muLawCodes[samples[i]! >> 2 & 0x3fff]!
  }
  return count === target.length ? target : target.subarray(0, count)
}

/**
 * Encodes 16-bit samples as A-law (PCMA).
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeALaw = (samples: Int16Array, out?: Uint8Array): Uint8Array => {
  const target = out ?? new Uint8Array(samples.length)
  const count = Math.min(samples.length, target.length)
  for (let i = 0; i < count; i++) {
    target[i] = aLawCodes[samples[i]! >> 4 & 0xfff]!
  }
  return count === target.length ? target : target.subarray(0, count)
}

const decode = (table: Int16Array, bytes: Uint8Array, out: Int16Array | undefined): Int16Array => {
  const target = out ?? new Int16Array(bytes.length)
  const count = Math.min(bytes.length, target.length)
  for (let i = 0; i < count; i++) {
    target[i] = table[bytes[i]!]!
  }
  return count === target.length ? target : target.subarray(0, count)
}
