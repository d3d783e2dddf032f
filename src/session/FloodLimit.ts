/**
 * A token bucket for what a user sends, so that one client cannot slow down the others by audio faster than real time or
 * by a flood of messages or pings.
 *
 * Everything costs time: audio its duration, a message a fixed time. The bucket refills at `SPEED` times real time and
 * holds `BURST_MS`. Pure: the caller passes the time.
 *
 * @since 0.1.0
 */
import { BurstLimit } from "../BurstLimit.ts"
import type * as ClientMessage from "./ClientMessage.ts"

/**
 * How much may arrive at once, for example after a stall of the network: 10 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const BURST_MS = 10_000

/**
 * How much faster than real time a user may send permanently.
 *
 * @category constants
 * @since 0.1.0
 */
export const SPEED = 2

/**
 * What a transport has read before it stopped reading, or a browser sends in one piece after a stall: as much as 2 s of waiting
 * pay for, 4 s of audio beyond the limit.
 */
const MAX_OVER_MS = 2_000

/** The cost of a frame that is cheap to handle: a ping, a position, a malformed message. */
const FRAME_MS = 20
/** A typed turn starts a reply of the agent, which reads it: a long one costs more. */
const TURN_MS = 1_000
const TURN_CHARACTERS_PER_MS = 4
/** The least cost of an audio frame, however short it is. */
const MIN_AUDIO_MS = 1

/**
 * The cost of a text frame, in ms.
 *
 * @category accessors
 * @since 0.1.0
 */
export const costOf = (parsed: ClientMessage.ParseResult): number =>
  parsed._tag === "Message" && parsed.message.type === "user.text"
    ? TURN_MS + parsed.message.text.length / TURN_CHARACTERS_PER_MS
    : FRAME_MS

/**
 * The cost of an audio frame, in ms.
 *
 * @category accessors
 * @since 0.1.0
 */
export const costOfAudio = (ms: number): number => Math.max(MIN_AUDIO_MS, ms)

/**
 * @category models
 * @since 0.1.0
 */
export class FloodLimit {
  readonly #bucket = new BurstLimit(BURST_MS, SPEED * 1_000)

  /** Spends the cost of audio. Returns how many ms to wait before taking more; 0 or less when there is no need. */
  audio(ms: number, nowMs: number): number {
    return this.spend(costOfAudio(ms), nowMs)
  }

  /** Spends the cost of audio, where the sender cannot be made to wait. `false` when it is far over the limit: drop it. */
  takes(ms: number, nowMs: number): boolean {
    if (this.waitMs(nowMs) > MAX_OVER_MS) return false
    this.audio(ms, nowMs)
    return true
  }

  /** Spends the cost of a control frame. */
  frame(nowMs: number): number {
    return this.spend(FRAME_MS, nowMs)
  }

  /** Spends so many ms. */
  spend(costMs: number, nowMs: number): number {
    return this.#bucket.spend(costMs, nowMs)
  }

  /** How many ms to wait, without spending. */
  waitMs(nowMs: number): number {
    return this.#bucket.waitMs(nowMs)
  }
}
