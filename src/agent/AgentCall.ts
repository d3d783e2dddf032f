/**
 * What the tools of an agent can do with the telephone call of their session.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * Where a call may go: a number, a SIP address or a name of the provider's `transfer_targets`; another agent; a queue of the
 * carrier.
 *
 * @category models
 * @since 0.1.0
 */
export type CallTarget = string | { readonly agent: string } | { readonly queue: string }

/**
 * The call of a session, for the tools of its agent; the same operations as those of `VoiceSession`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentCall {
  readonly sendDtmf: (digits: string) => Effect.Effect<void, BackendError>
  readonly transfer: (
    target: CallTarget,
    options?: { readonly warm?: boolean | undefined; readonly summary?: string | undefined }
  ) => Effect.Effect<void, BackendError>
  readonly hangUp: Effect.Effect<void, BackendError>
  readonly hold: (on: boolean) => Effect.Effect<void, BackendError>
  /**
   * Begins to collect digits, and returns at once: a tool that waited would wait for a user who waits for the agent. What was
   * pressed, or that nothing was, becomes a typed turn of the user; if they speak instead, their words are their turn.
   */
  readonly askDigits: (
    options: {
      readonly min?: number | undefined
      readonly max?: number | undefined
      readonly firstDigitTimeout?: Duration.Input | undefined
    }
  ) => Effect.Effect<void, BackendError>
}
