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

const op = "VoiceBackend.createSession"

/**
 * The refusal of a backend that drains.
 *
 * @category errors
 * @since 0.1.0
 */
export const draining = (): SessionLimitExceeded =>
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

  constructor(max: () => number) {
    this.#max = max
  }

  get isFull(): boolean {
    return this.#taken >= this.#max()
  }

  get open(): boolean {
    return this.phase === "running"
  }

  /** Why there is no slot now, if there is none. */
  #refusal(): ConnectionFailed | SessionLimitExceeded | undefined {
    if (this.phase === "draining") return draining()
    if (this.phase !== "running") {
      return new ConnectionFailed({
        op,
        message: `the backend is not running: ${this.phase}`,
        details: { state: this.phase }
      })
    }
    if (!this.isFull) return undefined
    const max = this.#max()
    return new SessionLimitExceeded({
      op,
      message: `all ${max} sessions are taken`,
      details: { reason: "full", max, retryAfterMs: 1_000 }
    })
  }

  /**
   * Whether there is a slot now. Fails `connection_failed` while the backend does not run, and `session_limit_exceeded`
   * while it drains or is full.
   */
  readonly check: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = Effect.suspend(() => {
    const refusal = this.#refusal()
    return refusal === undefined ? Effect.void : Effect.fail(refusal)
  })

  /** Takes a slot, or fails as `check` does; it must be given back by `leave`. */
  readonly enter: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = Effect.suspend(() => {
    // looked at and taken in one step: between two effects another fiber may run
    const refusal = this.#refusal()
    if (refusal !== undefined) return Effect.fail(refusal)
    this.#taken++
    return Effect.void
  })

  leave(): void {
    this.#taken--
  }
}
