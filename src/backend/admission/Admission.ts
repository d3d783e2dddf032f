/**
 * Admission of sessions: a count of slots, each taken and given back atomically.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type BackendError, ConnectionFailed, SessionLimitExceeded } from "../../BackendError.ts"
import { Load } from "./LoadLevel.ts"

/**
 * The phase of a backend's life.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase = "new" | "starting" | "running" | "draining" | "stopped"

const op = "VoiceBackend.createSession"

/**
 * The error of a backend that is draining.
 *
 * @category errors
 * @since 0.1.0
 */
export const drainingError = (): SessionLimitExceeded =>
  new SessionLimitExceeded({
    op,
    message: "the backend is draining and accepts no new sessions",
    details: { reason: "draining" }
  })

type Refusal = ConnectionFailed | SessionLimitExceeded

/**
 * Slots for sessions. A slot is only taken below the current maximum; one for a new session also only below the limit of the
 * cluster, where there is one. A resumed session had its slot elsewhere in the cluster.
 *
 * @category models
 * @since 0.1.0
 */
export class Admission {
  phase: Phase = "new"
  #taken = 0
  #limit: () => number = () => Number.POSITIVE_INFINITY
  #askForMore: Effect.Effect<void, BackendError> | undefined
  readonly #max: () => number
  readonly #load: Load

  constructor(max: () => number, load = new Load()) {
    this.#max = max
    this.#load = load
  }

  get taken(): number {
    return this.#taken
  }

  /** For how many sessions there are slots, whatever the cluster allows. */
  get processMax(): number {
    return this.#max()
  }

  /** For how many there are slots when a new one comes. */
  get max(): number {
    return Math.min(this.#max(), this.#limit())
  }

  get isFull(): boolean {
    return this.#taken >= this.#max()
  }

  get open(): boolean {
    return this.phase === "running"
  }

  /** Whether a session would be refused now. */
  get refuses(): boolean {
    return this.#refusal(false) !== undefined
  }

  /** Why no slot is available now; `undefined` when one is. */
  #refusal(resumed: boolean): Refusal | undefined {
    if (this.phase === "draining") return drainingError()
    if (this.phase !== "running") {
      return new ConnectionFailed({
        op,
        message: `the backend is not running: ${this.phase}`,
        details: { state: this.phase }
      })
    }
    const max = resumed ? this.#max() : this.max
    if (this.#taken >= max) {
      return new SessionLimitExceeded({
        op,
        message: `session limit reached (${max})`,
        details: { reason: "full", max, retryAfterMs: 1_000 }
      })
    }
    // without a conversation in progress there is none to protect, and the load is not the backend's own
    if (!resumed && this.#taken > 0 && this.#load.overloaded) {
      return new SessionLimitExceeded({
        op,
        message: `overloaded: event-loop lag or recogniser backlog above its limit with ${this.#taken} ${
          this.#taken === 1 ? "session" : "sessions"
        }`,
        details: {
          reason: "overloaded",
          lagMs: Math.round(this.#load.lagMs),
          backlogMs: Math.round(this.#load.backlogMs),
          retryAfterMs: this.#load.retryAfterMs
        }
      })
    }
    return undefined
  }

  /**
   * Limits the slots of new sessions. `askForMore` runs when a session would be refused because of this limit alone, and may
   * raise it.
   */
  limit(max: number | (() => number) | undefined, askForMore?: Effect.Effect<void, BackendError> | undefined): void {
    this.#limit = typeof max === "function" ? max : () => max ?? Number.POSITIVE_INFINITY
    this.#askForMore = askForMore
  }

  /**
   * Checks whether a slot is available. Fails `connection_failed` while the backend is not running, and
   * `session_limit_exceeded` while it is draining, full or overloaded.
   */
  readonly check: Effect.Effect<void, BackendError> = this.#withMore(Effect.suspend(() => {
    const refusal = this.#refusal(false)
    return refusal === undefined ? Effect.void : Effect.fail(refusal)
  }))

  /** Takes a slot, or fails like `check`; it is given back by `leave`. */
  readonly enter: Effect.Effect<void, BackendError> = this.#withMore(this.#enter(false))

  /** Does the same for a resumed session: it is a conversation in progress, so it is admitted even under overload. */
  readonly enterResumed: Effect.Effect<void, Refusal> = this.#enter(true)

  #enter(resumed: boolean): Effect.Effect<void, Refusal> {
    return Effect.suspend(() => {
      // checked and taken in one step: between two effects another fiber may run
      const refusal = this.#refusal(resumed)
      if (refusal !== undefined) return Effect.fail(refusal)
      this.#taken++
      return Effect.void
    })
  }

  /** Asks once for a higher limit where that is what stands in the way. */
  #withMore(attempt: Effect.Effect<void, Refusal>): Effect.Effect<void, BackendError> {
    return Effect.catch(attempt, (refusal): Effect.Effect<void, BackendError> => {
      const more = this.#askForMore
      const isLimited = this.open && !this.isFull && this.#taken >= this.#limit()
      return more !== undefined && isLimited
        // a slot is taken in a region that cannot be interrupted; the question may take long
        ? Effect.andThen(Effect.interruptible(more), attempt)
        : Effect.fail(refusal)
    })
  }

  leave(): void {
    this.#taken--
  }
}
