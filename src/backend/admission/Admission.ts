/**
 * Admission of sessions: a count of slots, each taken and given back atomically.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ConnectionFailed, SessionLimitExceeded } from "../../BackendError.ts"
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

/**
 * Slots for sessions. A slot is only taken below the current maximum.
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

  /** Why no slot is available now; `undefined` when one is. */
  #refusal(resumed: boolean): ConnectionFailed | SessionLimitExceeded | undefined {
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
   * Checks whether a slot is available. Fails `connection_failed` while the backend is not running, and
   * `session_limit_exceeded` while it is draining, full or overloaded.
   */
  readonly check: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = Effect.suspend(() => {
    const refusal = this.#refusal(false)
    return refusal === undefined ? Effect.void : Effect.fail(refusal)
  })

  /** Takes a slot, or fails like `check`; it is given back by `leave`. */
  readonly enter: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = this.#enter(false)

  /** Does the same for a resumed session: it is a conversation in progress, so it is admitted even under overload. */
  readonly enterResumed: Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> = this.#enter(true)

  #enter(resumed: boolean): Effect.Effect<void, ConnectionFailed | SessionLimitExceeded> {
    return Effect.suspend(() => {
      // checked and taken in one step: between two effects another fiber may run
      const refusal = this.#refusal(resumed)
      if (refusal !== undefined) return Effect.fail(refusal)
      this.#taken++
      return Effect.void
    })
  }

  leave(): void {
    this.#taken--
  }
}
