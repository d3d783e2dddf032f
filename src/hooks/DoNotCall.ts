/**
 * An application's own list of those who are not to be called, for any provider that makes calls.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"

/**
 * A call that somebody wants to make.
 *
 * - `to`, `from`: numbers (E.164) or SIP addresses; `from` is the one that the called one sees.
 * - `userId`, `tenant`, `metadata`: of the session, as the `AuthHook` has given them.
 *
 * @category models
 * @since 0.1.0
 */
export interface IntendedCall {
  readonly to: string
  readonly from?: string | undefined
  readonly userId: string
  readonly tenant?: string | undefined
  readonly metadata: { readonly [key: string]: unknown }
}

/**
 * Provide this service to have every call checked before it is made: against a list of those who must not be called, the hours in
 * which they may, or what they have agreed to. Without it, whoever may use the API may call every number that the provider allows.
 *
 * It is asked once for each call, after authentication and before anything is taken for it, and has the config's `timeout`. Its `false` is
 * `authorization_failed` with `details.reason` `"do_not_call"`; a failure of any other kind, a defect or a timeout is
 * `connection_failed`, and is logged with its cause. In each case no call is made.
 *
 * @category services
 * @since 0.1.0
 */
export class DoNotCall extends Context.Service<DoNotCall, {
  /** Whether the call may be made. */
  readonly mayCall: (call: IntendedCall) => Effect.Effect<boolean, BackendError>
}>()("effect-voice/hooks/DoNotCall") {}
