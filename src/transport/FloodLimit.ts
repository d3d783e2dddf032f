/**
 * How fast a user may send. One client of many must not take the time of all: not by audio faster than time, nor by a
 * flood of messages or pings.
 *
 * Everything that is sent costs time: audio as long as it lasts, a message as long as it takes to say one. Whoever spends
 * faster than `SPEED` times real time for longer than `BURST_MS` has to wait. Plain and clockless: the caller says when
 * it is.
 *
 * @since 0.1.0
 */
import type * as ClientMessage from "../session/ClientMessage.ts"

/**
 * How much may come at once, after a stall of the network for example: 10 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const BURST_MS = 10_000

/**
 * How much faster than time a user may be for good.
 *
 * @category constants
 * @since 0.1.0
 */
export const SPEED = 2

/** What a frame costs that nobody has to think about: a ping, a position, a message that makes no sense. */
const FRAME_MS = 20
/** A typed turn makes an agent think. */
const TURN_MS = 1_000
/** Frames of audio, however short. */
const LEAST_MS = 1

/**
 * What a text frame costs, in ms.
 *
 * @category accessors
 * @since 0.1.0
 */
export const costOf = (parsed: ClientMessage.Parsed): number =>
  parsed._tag === "Message" && parsed.message.type === "user.text" ? TURN_MS : FRAME_MS

/**
 * What a frame of audio costs, in ms.
 *
 * @category accessors
 * @since 0.1.0
 */
export const costOfAudio = (ms: number): number => Math.max(LEAST_MS, ms)

/**
 * @category models
 * @since 0.1.0
 */
export class FloodLimit {
  /** When what was spent so far is paid for, on the caller's clock. */
  #paidMs = Number.NEGATIVE_INFINITY

  /** Takes audio of so many ms. Returns how many ms to wait before more is taken; not above 0 when there is no need. */
  audio(ms: number, nowMs: number): number {
    return this.spend(costOfAudio(ms), nowMs)
  }

  /** Takes a control frame. */
  frame(nowMs: number): number {
    return this.spend(FRAME_MS, nowMs)
  }

  /** Takes what costs so many ms. */
  spend(costMs: number, nowMs: number): number {
    this.#paidMs = Math.max(this.#paidMs, nowMs - BURST_MS) + costMs / SPEED
    return this.waitMs(nowMs)
  }

  /** How many ms to wait, with nothing more spent. */
  waitMs(nowMs: number): number {
    return this.#paidMs - nowMs
  }
}
