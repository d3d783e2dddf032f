/**
 * Reads and writes RIFF/WAVE files.
 *
 * @since 0.1.0
 */
import * as Pcm from "./Pcm.ts"

export { WavError, type WavReason } from "./WavFormat.ts"
export { defaultMaxSeconds, parse, type Wav } from "./WavReader.ts"

/**
 * The length in bytes of the header that `encode` and `header` write.
 *
 * @category constants
 * @since 0.1.0
 */
export const headerBytes = 44

/**
 * Encodes samples as a 16-bit PCM file; with `channels` above 1 the samples are interleaved, and an incomplete group is dropped.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (samples: Int16Array, options: {
  /** In Hz. */
  readonly sampleRate: number
  /** Default 1. */
  readonly channels?: number | undefined
}): Uint8Array => {
  const channels = options.channels ?? 1
  const count = samples.length - samples.length % channels
  const out = new Uint8Array(headerBytes + 2 * count)
  out.set(header({ sampleRate: options.sampleRate, channels, dataBytes: 2 * count }))
  out.set(Pcm.fromInt16(samples.subarray(0, count)), headerBytes)
  return out
}

/**
 * Writes the header of a 16-bit PCM file.
 *
 * Without `dataBytes` both sizes are 0xFFFFFFFF, for streaming: players read to the end of the file. When the length is known,
 * overwrite the start of the file with the result of `patch`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const header = (options: {
  /** In Hz. */
  readonly sampleRate: number
  /** Default 1. */
  readonly channels?: number | undefined
  /** The bytes of samples that follow. Default: unknown. */
  readonly dataBytes?: number | undefined
}): Uint8Array => {
  const channels = options.channels ?? 1
  const out = new Uint8Array(headerBytes)
  const view = new DataView(out.buffer)
  out.set([0x52, 0x49, 0x46, 0x46], 0) // RIFF
  out.set([0x57, 0x41, 0x56, 0x45, 0x66, 0x6d, 0x74, 0x20], 8) // WAVEfmt
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, channels, true)
  view.setUint32(24, options.sampleRate, true)
  view.setUint32(28, 2 * channels * options.sampleRate, true)
  view.setUint16(32, 2 * channels, true)
  view.setUint16(34, 16, true)
  out.set([0x64, 0x61, 0x74, 0x61], 36) // data
  view.setUint32(4, 0xffffffff, true)
  view.setUint32(40, 0xffffffff, true)
  return options.dataBytes === undefined ? out : patch(out, options.dataBytes)
}

/**
 * Sets both sizes in a header made by `header`, in place, and returns it.
 *
 * A length that 32 bits cannot hold leaves them 0xFFFFFFFF, which readers take as "to the end".
 *
 * @category encoding
 * @since 0.1.0
 */
export const patch = (header: Uint8Array, dataBytes: number): Uint8Array => {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const fits = dataBytes + headerBytes - 8 <= 0xfffffffe
  view.setUint32(4, fits ? dataBytes + headerBytes - 8 : 0xffffffff, true)
  view.setUint32(40, fits ? dataBytes : 0xffffffff, true)
  return header
}
