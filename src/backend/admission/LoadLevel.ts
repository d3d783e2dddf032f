/**
 * The load of a backend: whether it can serve its conversations well, and take new ones.
 *
 * Load is shed in this order and restored in the reverse order; a conversation in progress never loses its turn:
 *
 * 1. `busy`: no interim transcripts (they are only displayed, and cost an embedded recogniser most of its time), and no
 *    preemptive replies.
 * 2. `overloaded`: no new sessions either. A user who reconnects is admitted.
 *
 * `Load` is plain and has no clock: it is given the event-loop lag and the backlog at even intervals, by `monitor`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineHealth } from "../../speech/EngineHealth.ts"
import type { BackendConfig } from "../config/BackendConfig.ts"
import * as EventLoopLag from "./EventLoopLag.ts"

/**
 * The levels, from the lowest load to the highest.
 *
 * @category models
 * @since 0.1.0
 */
export const levels = ["normal", "busy", "overloaded"] as const

/**
 * @category models
 * @since 0.1.0
 */
export type LoadLevel = typeof levels[number]

/**
 * The limits of lag and backlog, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly maxLagMs: number
  readonly maxBacklogMs: number
}

/** A backend is busy from this share of a bound on. */
const BUSY = 0.5
/** A level ends below this share of the bound that began it: the hysteresis that keeps it from flapping. */
const RELIEF = 0.6
/** And only after so many samples below it: 2 s. */
const CALM_SAMPLES = 20

/**
 * @category models
 * @since 0.1.0
 */
export class Load {
  #level = 0
  #calmSamples = 0
  #lagMs = 0
  #backlogMs = 0

  get level(): LoadLevel {
    return levels[this.#level] ?? "overloaded"
  }

  /** 0, 1 or 2. */
  get rank(): number {
    return this.#level
  }

  /** Interim transcripts and preemptive replies are off. */
  get busy(): boolean {
    return this.#level > 0
  }

  /** New sessions are rejected. */
  get overloaded(): boolean {
    return this.#level > 1
  }

  /** The time until new sessions are accepted if the load stays as low as it is, in ms; 0 unless overloaded. */
  get retryAfterMs(): number {
    return this.overloaded ? (CALM_SAMPLES - this.#calmSamples) * EventLoopLag.INTERVAL_MS : 0
  }

  get lagMs(): number {
    return this.#lagMs
  }

  get backlogMs(): number {
    return this.#backlogMs
  }

  /** Adds a sample; true when the level has changed. The level rises at once and falls one step at a time. */
  sample(lagMs: number, backlogMs: number, bounds: Bounds): boolean {
    this.#lagMs = lagMs
    this.#backlogMs = backlogMs
    const share = Math.max(lagMs / bounds.maxLagMs, backlogMs / bounds.maxBacklogMs)
    const wanted = share >= 1 ? 2 : share >= BUSY ? 1 : 0
    if (wanted > this.#level) {
      this.#level = wanted
      this.#calmSamples = 0
      return true
    }
    if (this.#level === 0 || share >= RELIEF * (this.#level === 2 ? 1 : BUSY)) {
      this.#calmSamples = 0
      return false
    }
    if (++this.#calmSamples < CALM_SAMPLES) return false
    this.#level--
    this.#calmSamples = 0
    return true
  }
}

const backlogOf = ({ backlogMs, members }: EngineHealth): number =>
  Math.max(backlogMs?.() ?? 0, ...(members ?? []).map(backlogOf))

/**
 * Samples ten times a second, while the scope lives, and logs when the level changes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const monitor = (options: {
  readonly load: Load
  readonly bounds: () => BackendConfig["overload"]
  /** The engines whose backlog counts. */
  readonly engines: () => ReadonlyArray<EngineHealth>
  /** Called after each sample. */
  readonly onSample?: ((load: Load) => void) | undefined
}): Effect.Effect<EventLoopLag.EventLoopLag, never, Scope.Scope> => {
  const { bounds, engines, load, onSample } = options
  return EventLoopLag.make((lag) =>
    Effect.suspend(() => {
      const { maxBacklog, maxLag } = bounds()
      const changed = load.sample(lag.recent, Math.max(0, ...engines().map(backlogOf)), {
        maxLagMs: Duration.toMillis(maxLag),
        maxBacklogMs: Duration.toMillis(maxBacklog)
      })
      onSample?.(load)
      if (!changed) return Effect.void
      const log = load.overloaded
        ? Effect.logWarning("overloaded: rejecting new sessions")
        : load.busy
        ? Effect.logWarning("busy: interim transcripts and preemptive replies are off")
        : Effect.logInfo("load is normal again")
      return Effect.annotateLogs(log, {
        load: load.level,
        lag_ms: Math.round(load.lagMs),
        backlog_ms: Math.round(load.backlogMs),
        "overload.max_lag": Duration.format(maxLag),
        "overload.max_backlog": Duration.format(maxBacklog)
      })
    })
  )
}
