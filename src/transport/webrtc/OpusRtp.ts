/**
 * RTP packets as WebRTC carries Opus in them (RFC 3550 §5.1, RFC 7587): bytes in, plain data out, and back.
 *
 * Pure. A parsed payload is a view on the packet.
 *
 * @since 0.1.0
 */

/**
 * The fixed part of an RTP header: 12 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER_BYTES = 12

/**
 * How far the timestamp advances in 20 ms: Opus always counts at 48 kHz (RFC 7587 §4.1).
 *
 * @category constants
 * @since 0.1.0
 */
export const TICKS_PER_FRAME = 960

/**
 * The longest payload that is accepted. An Opus frame of 20 ms has at most 1,275 bytes (RFC 6716 §3.2.1), and no sender
 * exceeds an Ethernet packet.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_PAYLOAD_BYTES = 1_500

/**
 * @category models
 * @since 0.1.0
 */
export interface RtpPacket {
  readonly payloadType: number
  /** The first packet after a silence. */
  readonly marker: boolean
  /** 16 bits. */
  readonly sequence: number
  /** 32 bits, in units of 1/48,000 s. */
  readonly timestamp: number
  /** 32 bits. */
  readonly ssrc: number
  readonly payload: Uint8Array
}

/**
 * Parses a packet; `undefined` when it is not RTP, is truncated, is inconsistent or has no payload. Never throws.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (bytes: Uint8Array): RtpPacket | undefined => {
  if (bytes.length < HEADER_BYTES) return undefined
  const first = bytes[0]!
  if (first >> 6 !== 2) return undefined
  const second = bytes[1]!
  let start = HEADER_BYTES + 4 * (first & 0x0f)
  if ((first & 0x10) !== 0) {
    if (start + 4 > bytes.length) return undefined
    start += 4 + 4 * (bytes[start + 2]! << 8 | bytes[start + 3]!)
  }
  let end = bytes.length
  if ((first & 0x20) !== 0) {
    const padding = bytes[end - 1]!
    if (padding === 0) return undefined
    end -= padding
  }
  if (start >= end || end - start > MAX_PAYLOAD_BYTES) return undefined
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: bytes[2]! << 8 | bytes[3]!,
    timestamp: (bytes[4]! << 24 | bytes[5]! << 16 | bytes[6]! << 8 | bytes[7]!) >>> 0,
    ssrc: (bytes[8]! << 24 | bytes[9]! << 16 | bytes[10]! << 8 | bytes[11]!) >>> 0,
    payload: bytes.subarray(start, end)
  }
}

/**
 * Builds a packet without extensions. Sequence and timestamp wrap around; the payload is copied.
 *
 * @category encoding
 * @since 0.1.0
 */
export const build = (packet: RtpPacket): Buffer => {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + packet.payload.length)
  bytes[0] = 0x80
  bytes[1] = packet.payloadType & 0x7f | (packet.marker ? 0x80 : 0)
  bytes.writeUInt16BE(packet.sequence & 0xffff, 2)
  bytes.writeUInt32BE(packet.timestamp >>> 0, 4)
  bytes.writeUInt32BE(packet.ssrc >>> 0, 8)
  bytes.set(packet.payload, HEADER_BYTES)
  return bytes
}
