/**
 * The frames of AudioSocket on TCP: a byte for the kind, two for the length (big-endian), and the payload.
 *
 * https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket
 *
 * @since 0.1.0
 */

/**
 * The kinds of frames. Audio has one for each sample rate: see `AUDIO_RATES`.
 *
 * @category constants
 * @since 0.1.0
 */
export const Kind = { HANG_UP: 0x00, ID: 0x01, DTMF: 0x03, AUDIO: 0x10, ERROR: 0xff } as const

/**
 * The sample rates in Hz, of the kinds from `Kind.AUDIO` on. Asterisk has two more, of 96 and 192 kHz.
 *
 * @category constants
 * @since 0.1.0
 */
export const AUDIO_RATES: ReadonlyArray<number> = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000]

/**
 * The bytes before a payload.
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER_BYTES = 3

const MAX_FRAME_BYTES = HEADER_BYTES + 0xffff

/**
 * Makes a frame.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (kind: number, payload: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(HEADER_BYTES + payload.length)
  frame[0] = kind
  frame[1] = payload.length >> 8
  frame[2] = payload.length & 0xff
  frame.set(payload, HEADER_BYTES)
  return frame
}

/**
 * Cuts a stream of bytes into frames, header and all. It holds at most one frame: 65,538 bytes.
 *
 * @category models
 * @since 0.1.0
 */
export class AudioSocketFrames {
  #held = new Uint8Array(1_024)
  #count = 0

  /** Takes bytes, cut anywhere. A frame is valid during the call of `onFrame` only. */
  push(data: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    let at = 0
    while (at < data.length) {
      // whole frames of these bytes need no copy
      if (this.#count === 0) {
        const length = frameLength(data, at)
        if (length !== undefined && at + length <= data.length) {
          onFrame(data.subarray(at, at + length))
          at += length
          continue
        }
      }
      const wanted = (this.#count < HEADER_BYTES ? HEADER_BYTES : frameLength(this.#held, 0) ?? HEADER_BYTES) -
        this.#count
      const piece = data.subarray(at, at + wanted)
      this.#hold(piece)
      at += piece.length
      if (this.#count >= HEADER_BYTES && this.#count === frameLength(this.#held, 0)) {
        const frame = this.#held.subarray(0, this.#count)
        this.#count = 0
        onFrame(frame)
      }
    }
  }

  #hold(piece: Uint8Array): void {
    const needed = this.#count + piece.length
    if (needed > this.#held.length) {
      const larger = new Uint8Array(Math.min(MAX_FRAME_BYTES, Math.max(needed, 2 * this.#held.length)))
      larger.set(this.#held.subarray(0, this.#count))
      this.#held = larger
    }
    this.#held.set(piece, this.#count)
    this.#count = needed
  }
}

const frameLength = (data: Uint8Array, at: number): number | undefined => {
  const high = data[at + 1]
  const low = data[at + 2]
  return high === undefined || low === undefined ? undefined : HEADER_BYTES + (high << 8 | low)
}
