/**
 * What a session can do with its call.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import type { CallCommand, TransferOptions, TransferTarget } from "./CallCommand.ts"
import type { CollectedDigits, CollectOptions } from "./DigitCollection.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CallOperations {
  /**
   * Sends keys (`0` to `9`, `*`, `#`, `A` to `D`, `w` for half a second) to the other end of the call. Fails `invalid_config`
   * (`details.reason: "no_call"`) for a session that is not a telephone call.
   */
  readonly sendDtmf: (digits: string) => Effect.Effect<void, BackendError>
  /**
   * Collects the digits that the user presses, or says (`DigitCollection.CollectOptions`), after the prompt if there is one; a key
   * during it stops it at once. What is collected is in no event, no history and no log: it is only the result. Of any session whose
   * client sends keys (`user.dtmf`), and whose turns have transcripts for `voice`. A second collection at a time fails
   * `invalid_config` (`details.reason: "collecting"`). From a tool use `CallTools` or `Agent.background`: a tool that waits here waits
   * for a user who waits for the agent.
   */
  readonly collectDigits: (options?: CollectOptions) => Effect.Effect<CollectedDigits, BackendError>
  /**
   * Transfers the call to a number, a SIP address, a queue, or a name of the provider's `transfer_targets`; or hands it over to
   * another agent. Succeeds when the carrier has taken the order: `call.transferring` follows, and `call.ended`, or
   * `call.transfer_failed` when the agent has the call again. Fails `invalid_config` where it cannot be done.
   */
  readonly transfer: (target: TransferTarget, options?: TransferOptions) => Effect.Effect<void, BackendError>
  /**
   * Ends the session and its call after what the agent is saying (and the goodbye, if there is one): `hung_up`. Returns at
   * once, so that a tool may call it.
   */
  readonly hangUp: Effect.Effect<void, BackendError>
  /**
   * Holds the call, or takes it back: on hold the agent's reply is stopped, and nothing is heard in either direction. An absent user is not
   * waited for meanwhile. Of any session.
   */
  readonly hold: (on: boolean) => Effect.Effect<void, BackendError>
  /** Mutes the user, or unmutes: the agent hears silence, and is heard. Of any session. */
  readonly mute: (on: boolean) => Effect.Effect<void, BackendError>
}

/**
 * Has a session carry out a command.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = (session: CallOperations, command: CallCommand): Effect.Effect<void, BackendError> => {
  switch (command.action) {
    case "send_dtmf":
      return session.sendDtmf(command.digits)
    case "transfer":
      return session.transfer(command.target, command)
    case "hang_up":
      return session.hangUp
    case "hold":
      return session.hold(command.on)
    case "mute":
      return session.mute(command.on)
  }
}
