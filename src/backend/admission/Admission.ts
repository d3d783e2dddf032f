/**
 * Who gets in: a count of slots, taken and given back in one step each.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ConnectionFailed, SessionLimitExceeded } from "../../BackendError.ts"
import { Load } from "./LoadLevel.ts"

/**
 * Where a backend is in its life.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase = "new" | "starting" | "running" | "draining" | "stopped"

const op = "VoiceBackend.createSession"

/**
 * The refusal of a backend that drains.
 *
 * @category errors
 * @since 0.1.0
 */
export const drainingError = (): SessionLimitExceeded =>
  new SessionLimitExceeded({
    op,
    message: "the backend is draining and takes no new session",
    details: { reason: "draining" }
  })

/**
 * Slots for sessions. There are never more taken than the maximum at the moment of taking.
 *
 * @category models
 * @since 0.1.0
 */
export class Admission {
  phase: Phase = "new"
  #taken = 0
  readonly #max: () => number
  readonly #load: Load

  constructor(max: () => number, load = new Load()) {
    this.#max = max
    this.#load = load
  }

  get isFull(): boolean {
    return this.#taken >= this.#max()
  }

  get open(): boolean {
    return this.phase === "running"
  }

  /** Why there is no slot now, if there is none. */
  #refusal(back: boolean): ConnectionFailed | SessionLimitExceeded | undefined {
    if (this.phase === "draining") return drainingError()
    if (this.phase !== "running") {
      return new ConnectionFailed({
        op,
        message: `the backend is not running: ${this.phase}`,
        details: { state: this.phase }
      })
    }
    if (this.isFull) {
      const max = this.#max()
      return new SessionLimitExceeded({
        op,
        message: `all ${max} sessions are taken`,
        details: { reason: "full", max, retryAfterMs: 1_000 }
      })
    }
    // with no conversation in progress there is none to protect: then it is not ours, what keeps the machine busy
    if (!back && this.#taken > 0 && this.#load.overloaded) {
      return new SessionLimitExceeded({
        op,
        message: `the backend has as much to do as it can do well, with ${this.#taken} sessions`,
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
   * Whether there is a slot now. Fails `connection_failed` while the backend does not run, and `session_limit_exceeded`
   * while it drains, is full, or has too much to do.
   */
  readonly check: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = Effect.suspend(() => {
    const refusal = this.#refusal(false)
    return refusal === undefined ? Effect.void : Effect.fail(refusal)
  })

  /** Takes a slot, or fails as `check` does; it must be given back by `leave`. */
  readonly enter: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = this.#enter(false)

  /** The same for a session that comes back: it is a conversation in progress, and goes on however much there is to do. */
  readonly enterResumed: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = this.#enter(true)

  #enter(back: boolean): Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> {
    return Effect.suspend(() => {
      // looked at and taken in one step: between two effects another fiber may run
      const refusal = this.#refusal(back)
      if (refusal !== undefined) return Effect.fail(refusal)
      this.#taken++
      return Effect.void
    })
  }

  leave(): void {
    this.#taken--
  }
}
