/**
 * PCM as hosted models carry it in JSON: base64 of signed 16-bit little-endian samples.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import * as Pcm from "../../../audio/Pcm.ts"

const base64 = /^[A-Za-z0-9+/]*={0,2}$/u

/**
 * @category conversions
 * @since 0.1.0
 */
export const encode = (pcm: Int16Array): string => {
  const bytes = Pcm.fromInt16(pcm)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}

/**
 * Reads audio strictly: what is no base64, or half a sample, is no audio, and gives what is wrong with it in words.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (text: string): Int16Array | string => {
  if (text.length % 4 !== 0 || !base64.test(text)) return "audio that is not base64"
  const bytes = Buffer.from(text, "base64")
  return bytes.length % 2 === 0 ? Pcm.copyInt16(bytes) : "half a sample"
}
