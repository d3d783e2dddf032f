/**
 * The call behind a session, as its provider controls it.
 *
 * A session has one call for its whole life; its connections (media streams) may come and go.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { BackendError } from "../../BackendError.ts"
import type { SessionEventBody } from "../SessionEvent.ts"
import type { TransferOptions, TransferTarget } from "./CallCommand.ts"

/**
 * What happens to a call: the session publishes it as it is. After `call.ended` the session ends.
 *
 * @category models
 * @since 0.1.0
 */
export type CallEvent = Extract<SessionEventBody, { readonly type: `call.${string}` }>

/**
 * What happens when an answering machine answers a call that was made.
 *
 * - `detect`: `carrier`, the carrier says it (`call.machine`); `own`, the session hears it; `off`, it is not found out.
 * - `onMachine`: `hang_up`; `leave_message` after the beep, then hang up; `go_on`, the agent talks to it.
 * - `message`: what is left.
 *
 * Until it is known who has answered, the agent says nothing, at most 6 s from the answer on.
 *
 * @category models
 * @since 0.1.0
 */
export interface MachinePlan {
  readonly detect: "carrier" | "own" | "off"
  readonly onMachine: "hang_up" | "leave_message" | "go_on"
  readonly message?: string | undefined
}

/**
 * The call of a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallControl {
  /** The carrier's id of the call, where the session's config does not have it: it is stored with it (`CallDetails.id`). */
  readonly id?: string | undefined
  /** What the provider knows of the call (`CallContext.facts`), also while there is no connection. Read at each use. */
  readonly facts: () => { readonly [name: string]: unknown }
  /** What happens to the call. */
  readonly events: Stream.Stream<CallEvent, BackendError>
  /** What happens when an answering machine answers a call that was made. Default: as `SessionConfig.call.dial` says. */
  readonly machine?: MachinePlan | undefined
  /**
   * Whether the keys that the user presses, and nobody collects, become a typed turn of theirs. Default: false.
   */
  readonly keypadTurns?: boolean | undefined
  /** Has the carrier send keys. Default: the session plays their tones. */
  readonly sendDtmf?: ((digits: string) => Effect.Effect<void, BackendError>) | undefined
  /**
   * Transfers the call; succeeds when the carrier has taken the order. What becomes of it are events. Default: the call cannot be
   * transferred.
   */
  readonly transfer?:
    | ((
      target: Exclude<TransferTarget, { readonly agent: string }>,
      options: TransferOptions
    ) => Effect.Effect<void, BackendError>)
    | undefined
}
