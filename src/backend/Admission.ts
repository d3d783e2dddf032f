/**
 * Who gets in: a count of slots, taken and given back in one step each.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ConnectionFailed, SessionLimitExceeded } from "../BackendError.ts"

/**
 * Where a backend is in its life.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase = "new" | "starting" | "running" | "draining" | "stopped"

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

  constructor(max: () => number) {
    this.#max = max
  }

  get isFull(): boolean {
    return this.#taken >= this.#max()
  }

  get open(): boolean {
    return this.phase === "running"
  }

  /**
   * Whether there is a slot now. Fails `connection_failed` while the backend does not run, and `session_limit_exceeded`
   * while it drains or is full.
   */
  readonly check: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = Effect.suspend(
    (): Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> => {
      const op = "VoiceBackend.createSession"
      if (this.phase === "draining") {
        return Effect.fail(
          new SessionLimitExceeded({
            op,
            message: "the backend is draining and takes no new session",
            details: { reason: "draining" }
          })
        )
      }
      if (this.phase !== "running") {
        return Effect.fail(
          new ConnectionFailed({
            op,
            message: `the backend is not running: ${this.phase}`,
            details: { state: this.phase }
          })
        )
      }
      if (this.isFull) {
        const max = this.#max()
        return Effect.fail(
          new SessionLimitExceeded({
            op,
            message: `all ${max} sessions are taken`,
            details: { reason: "full", max, retryAfterMs: 1_000 }
          })
        )
      }
      return Effect.void
    }
  )

  /** Takes a slot, or fails as `check` does; it must be given back by `leave`. */
  readonly enter: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = Effect.andThen(
    this.check,
    // nothing comes between: neither of the two waits
    Effect.sync(() => {
      this.#taken++
    })
  )

  leave(): void {
    this.#taken--
  }
}
