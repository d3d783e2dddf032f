/**
 * How much a backend has to do: whether there is enough left for the conversations that go on, and for more of them.
 *
 * Work is shed in this order, and taken up again in the reverse one; no conversation in progress ever loses its turn:
 *
 * 1. `busy`: no interim words (they are for eyes, and cost an embedded recogniser most of its time), and no answers asked
 *    for ahead of the turn's end.
 * 2. `overloaded`: no new sessions either. Who comes back to a session comes in.
 *
 * `Load` is plain and clockless: told at even intervals how late the event loop is and how long work waits. `watch` tells
 * it.
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
 * From the least to the most.
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
 * What is too much, in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  readonly maxLagMs: number
  readonly maxBacklogMs: number
}

/** From this part of a bound on a backend is busy. */
const BUSY = 0.5
/** A level is left below this part of what led to it, or it would come and go. */
const RELIEF = 0.6
/** And only after so many looks below it: 2 s. */
const CALM = 20

/**
 * @category models
 * @since 0.1.0
 */
export class Load {
  #level = 0
  #calm = 0
  #lagMs = 0
  #backlogMs = 0

  get level(): LoadLevel {
    return levels[this.#level] ?? "overloaded"
  }

  /** 0, 1 or 2. */
  get rank(): number {
    return this.#level
  }

  /** What nobody waits for is left out. */
  get busy(): boolean {
    return this.#level > 0
  }

  /** Nobody new is let in. */
  get overloaded(): boolean {
    return this.#level > 1
  }

  /** When somebody new may be let in, if it stays as calm as it is: 0 unless overloaded. */
  get retryAfterMs(): number {
    return this.overloaded ? (CALM - this.#calm) * EventLoopLag.INTERVAL_MS : 0
  }

  get lagMs(): number {
    return this.#lagMs
  }

  get backlogMs(): number {
    return this.#backlogMs
  }

  /** Takes a look; true when the level has changed. It rises at once, and falls a level at a time. */
  sample(lagMs: number, backlogMs: number, bounds: Bounds): boolean {
    this.#lagMs = lagMs
    this.#backlogMs = backlogMs
    const share = Math.max(lagMs / bounds.maxLagMs, backlogMs / bounds.maxBacklogMs)
    const wanted = share >= 1 ? 2 : share >= BUSY ? 1 : 0
    if (wanted > this.#level) {
      this.#level = wanted
      this.#calm = 0
      return true
    }
    if (this.#level === 0 || share >= RELIEF * (this.#level === 2 ? 1 : BUSY)) {
      this.#calm = 0
      return false
    }
    if (++this.#calm < CALM) return false
    this.#level--
    this.#calm = 0
    return true
  }
}

const backlogOf = ({ backlogMs, members }: EngineHealth): number =>
  Math.max(backlogMs?.() ?? 0, ...(members ?? []).map(backlogOf))

/**
 * Looks ten times a second, while the scope lives, and logs when the level changes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const monitor = (options: {
  readonly load: Load
  readonly bounds: () => BackendConfig["overload"]
  /** Whose work may wait. */
  readonly engines: () => ReadonlyArray<EngineHealth>
  /** Called after each look. */
  readonly onLook?: ((load: Load) => void) | undefined
}): Effect.Effect<EventLoopLag.EventLoopLag, never, Scope.Scope> => {
  const { bounds, engines, load, onLook } = options
  return EventLoopLag.make((lag) =>
    Effect.suspend(() => {
      const { maxBacklog, maxLag } = bounds()
      const changed = load.sample(lag.recent, Math.max(0, ...engines().map(backlogOf)), {
        maxLagMs: Duration.toMillis(maxLag),
        maxBacklogMs: Duration.toMillis(maxBacklog)
      })
      onLook?.(load)
      if (!changed) return Effect.void
      const log = load.overloaded
        ? Effect.logWarning("there is too much to do: no new sessions")
        : load.busy
        ? Effect.logWarning("there is much to do: no interim words, nothing asked for ahead")
        : Effect.logInfo("there is room again")
      return Effect.annotateLogs(log, {
        load: load.level,
        lag_ms: Math.round(load.lagMs),
        backlog_ms: Math.round(load.backlogMs)
      })
    })
  )
}
