/**
 * PCM in the JSON messages of hosted models: base64 of signed 16-bit little-endian samples.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import * as Pcm from "../../../audio/Pcm.ts"

const base64 = /^[A-Za-z0-9+/]*={0,2}$/u

/**
 * Encodes samples as base64.
 *
 * @category conversions
 * @since 0.1.0
 */
export const encode = (pcm: Int16Array): string => {
  const bytes = Pcm.fromInt16(pcm)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}

/**
 * Decodes samples strictly; returns a description of the fault when the text is not base64 or has an odd number of bytes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const decode = (text: string): Int16Array | string => {
  if (text.length % 4 !== 0 || !base64.test(text)) return "audio that is not base64"
  const bytes = Buffer.from(text, "base64")
  return bytes.length % 2 === 0 ? Pcm.copyInt16(bytes) : "audio with an odd number of bytes"
}
