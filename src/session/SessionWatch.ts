/**
 * Who watches a session: what happens in it becomes counts.
 *
 * Synchronous, plain, and fed with events: nothing is done for a frame of audio.
 *
 * @since 0.1.0
 */
import type { SessionMetrics } from "../telemetry/BackendMetrics.ts"
import type { SessionEnd, SessionEvent } from "./SessionEvent.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionWatch {
  /** The session has been made. */
  readonly opened: () => void
  readonly event: (event: SessionEvent) => void
  /** So much audio, in ms since the session began, has come in and gone out. */
  readonly audio: (inMs: number, outMs: number) => void
  readonly ended: (reason: SessionEnd) => void
  /** Nothing is left of it. */
  readonly closed: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionWatchOptions {
  /** `undefined`: nothing is counted. */
  readonly metrics: SessionMetrics | undefined
  /** In ms of Unix time. */
  readonly now: () => number
}

const count = (metrics: SessionMetrics, event: SessionEvent): void => {
  switch (event.type) {
    case "turn.latency":
      return metrics.turnAnswered(event.totalMs, event.parts)
    case "turn.latency_exceeded":
      return metrics.turnLate()
    case "agent.speech_stopped":
      return event.reason === "interrupted" ? metrics.interrupted() : undefined
    case "error":
      return metrics.failed(event.code)
    case "engine.incident":
      return metrics.incident(event.kind, event.engine, event.what)
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ metrics, now }: SessionWatchOptions): SessionWatch => {
  const begunAt = now()
  let countedInMs = 0
  let countedOutMs = 0
  return {
    opened: () => metrics?.opened(),
    event: (event) => metrics === undefined ? undefined : count(metrics, event),
    audio: (inMs, outMs) => {
      if (metrics === undefined) return
      metrics.audio("in", (inMs - countedInMs) / 1_000)
      metrics.audio("out", (outMs - countedOutMs) / 1_000)
      countedInMs = inMs
      countedOutMs = outMs
    },
    ended: (reason) => metrics?.ended(reason, now() - begunAt),
    closed: () => metrics?.closed()
  }
}
