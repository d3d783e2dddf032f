/**
 * The audio of carriers' JSON messages: base64 of G.711 or of 16-bit linear PCM.
 *
 * The bytes in between stand in one buffer of the process, which is used only within a call.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import * as G711 from "../../audio/G711.ts"
import type { MediaFormat } from "../MediaProtocol.ts"

/**
 * The most bytes of audio in one message: more than base64 of 64 KiB holds.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAYLOAD_BYTES = 49_152

const bytes = Buffer.alloc(MAX_PAYLOAD_BYTES)

/** How many bytes a base64 text holds, padded or not; -1 where it has no such length. */
const lengthOf = (text: string): number => {
  const { length } = text
  const padding = text.charCodeAt(length - 1) !== 0x3d ? 0 : text.charCodeAt(length - 2) !== 0x3d ? 1 : 2
  const digits = length - padding
  return digits % 4 === 1 || padding > 0 && length % 4 !== 0 ? -1 : (digits >> 2) * 3 + (digits & 3 && (digits & 3) - 1)
}

const readL16 = (count: number, littleEndian: boolean, samples: Int16Array): void => {
  const low = littleEndian ? 0 : 1
  for (let i = 0; i < count; i++) samples[i] = bytes[2 * i + low]! | bytes[2 * i + 1 - low]! << 8
}

const writeL16 = (pcm: Int16Array, littleEndian: boolean): number => {
  const low = littleEndian ? 0 : 1
  for (let i = 0; i < pcm.length; i++) {
    const sample = pcm[i]!
    bytes[2 * i + low] = sample & 0xff
    bytes[2 * i + 1 - low] = sample >> 8 & 0xff
  }
  return 2 * pcm.length
}

/**
 * Decodes a payload into `samples`. Returns how many samples there are, or what is wrong.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (payload: string, format: MediaFormat, samples: Int16Array): number | string => {
  const length = lengthOf(payload)
  if (length <= 0) return length < 0 ? "audio that is not base64" : "a message without audio"
  const count = format.encoding === "l16" ? length >> 1 : length
  if (length > MAX_PAYLOAD_BYTES || count > samples.length) return "more audio than a message may have"
  // what is not base64 is skipped
  if (bytes.write(payload, "base64") !== length) return "audio that is not base64"
  if (format.encoding === "l16") {
    if (length % 2 === 1) return "audio with an odd number of bytes"
    readL16(count, format.littleEndian ?? true, samples)
  } else {
    const read = bytes.subarray(0, length)
    if (format.encoding === "mulaw") G711.decodeMuLaw(read, samples)
    else G711.decodeALaw(read, samples)
  }
  return count
}

/**
 * Encodes samples, at most `MAX_PAYLOAD_BYTES` of them; the rest is left out.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (pcm: Int16Array, format: MediaFormat): string => {
  const fitting = format.encoding === "l16" ? MAX_PAYLOAD_BYTES / 2 : MAX_PAYLOAD_BYTES
  const samples = pcm.length > fitting ? pcm.subarray(0, fitting) : pcm
  const length = format.encoding === "l16" ? writeL16(samples, format.littleEndian ?? true) : samples.length
  if (format.encoding === "mulaw") G711.encodeMuLaw(samples, bytes)
  else if (format.encoding === "alaw") G711.encodeALaw(samples, bytes)
  return bytes.toString("base64", 0, length)
}
