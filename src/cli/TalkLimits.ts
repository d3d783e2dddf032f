/**
 * How much a server may send to `talk`: audio as fast as time passes, events as a conversation has them.
 *
 * Plain and synchronous; the caller passes the time, in ms, monotonic.
 *
 * @since 0.1.0
 */

/**
 * What a server may send at once, and for each second.
 *
 * - `audioMs`: audio; a server sends at the speed of speech, a little ahead.
 * - `events`: messages with an event, pings and pongs.
 * - `eventBytes`: their bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const allowance = {
  audioMs: { burst: 60_000, perSecond: 2_000 },
  events: { burst: 1_000, perSecond: 100 },
  eventBytes: { burst: 4_194_304, perSecond: 65_536 }
} as const

/**
 * The longest message of a server: 1 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MESSAGE_BYTES = 1_048_576

/**
 * A server that leaves so much of the user's audio unread has stopped reading: 4 MiB, two minutes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_UNSENT_BYTES = 4_194_304

/**
 * @category models
 * @since 0.1.0
 */
export class TalkLimits {
  readonly #startMs: number
  readonly #sent = { audioMs: 0, events: 0, eventBytes: 0 }

  constructor(nowMs: number) {
    this.#startMs = nowMs
  }

  /** Counts audio; the reason when it is too much. */
  audio(ms: number, nowMs: number): string | undefined {
    this.#sent.audioMs += ms
    return this.#exceeds("audioMs", nowMs) ? "the server sends audio faster than it can be heard" : undefined
  }

  /** Counts an event of so many bytes; the reason when it is too much. */
  event(bytes: number, nowMs: number): string | undefined {
    this.#sent.events++
    this.#sent.eventBytes += bytes
    return this.#exceeds("events", nowMs) || this.#exceeds("eventBytes", nowMs)
      ? "the server sends more events than a conversation has"
      : undefined
  }

  #exceeds(what: keyof typeof allowance, nowMs: number): boolean {
    const { burst, perSecond } = allowance[what]
    return this.#sent[what] > burst + perSecond * (nowMs - this.#startMs) / 1_000
  }
}
