/**
 * Limits the time and memory that responses take whose peers do not read them.
 *
 * A response is cut off, its socket closed, when it is not read within `READ_MS`. The oldest are cut off when all unread
 * responses together hold more than `MAX_UNREAD_BYTES`. Synchronous, without a clock: the caller passes the time.
 *
 * @since 0.1.0
 */
import type * as Http from "node:http"

/**
 * How long a response may take to be read, counted from its request: 2 minutes.
 *
 * @category constants
 * @since 0.1.0
 */
export const READ_MS = 120_000

/**
 * How much all unread responses may hold together: 64 MiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_UNREAD_BYTES = 67_108_864

/** Unread responses are checked once in so many requests: each time would cost more than the requests. */
const SWEEP_EVERY = 64

/**
 * @category models
 * @since 0.1.0
 */
export interface ResponseLimits {
  /** Limits a response from now until it is closed. */
  readonly add: (response: Http.ServerResponse) => void
  /** Cuts off the responses that have taken too long, or hold too much. */
  readonly sweep: () => void
}

/**
 * Makes the limits of the responses of a server, or of a part of it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ maxUnreadBytes = MAX_UNREAD_BYTES, nowMs }: {
  readonly nowMs: () => number
  readonly maxUnreadBytes?: number | undefined
}): ResponseLimits => {
  /** Responses under way, the oldest first, and since when they may be read. */
  const responses = new Map<Http.ServerResponse, number>()
  let requests = 0

  const sweepUnread = (): void => {
    let unread = 0
    // `writableLength` includes what the socket has buffered.
    for (const response of responses.keys()) unread += response.writableLength
    for (const response of responses.keys()) {
      if (unread <= maxUnreadBytes) return
      const bytes = response.writableLength
      if (bytes === 0) continue
      unread -= bytes
      responses.delete(response)
      response.socket?.destroy()
    }
  }

  const sweepSlow = (): void => {
    const now = nowMs()
    for (const [response, since] of Array.from(responses)) {
      if (since > now - READ_MS) break
      responses.delete(response)
      // A response that has not begun is bounded by its handler; its reader has all the time from here on.
      if (response.headersSent) response.socket?.destroy()
      else responses.set(response, now)
    }
  }

  return {
    add: (response) => {
      responses.set(response, nowMs())
      response.once("close", () => responses.delete(response))
      if (++requests % SWEEP_EVERY === 0) sweepUnread()
    },
    sweep: () => {
      sweepSlow()
      sweepUnread()
    }
  }
}
