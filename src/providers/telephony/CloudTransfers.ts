/**
 * Transfers of a cloud carrier's calls, by session: to whom, and what becomes of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { CallEvent } from "../../session/call/CallControl.ts"
import type { Call } from "./Call.ts"
import { RecentCalls } from "./RecentCalls.ts"

/**
 * - `summary`: what the person hears first. Default: nothing.
 * - `other`: the carrier's id of the call to the person, where there is one of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface CloudTransfer {
  readonly call: Call
  readonly target: string
  readonly summary?: string | undefined
  readonly other?: string | undefined
}

/**
 * Why a transfer came to nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type TransferFailure = Extract<CallEvent, { readonly type: "call.transfer_failed" }>["cause"]

/**
 * @category models
 * @since 0.1.0
 */
export class CloudTransfers {
  readonly #known = new RecentCalls<CloudTransfer>()

  get(session: string): CloudTransfer | undefined {
    return this.#known.get(session)
  }

  /** Forgets it; gives what it was. */
  take(session: string): CloudTransfer | undefined {
    return this.#known.take(session)
  }

  /** Asks the carrier for it. It is known before: what the person does may be told before the response comes. */
  begin<A, E, R>(transfer: CloudTransfer, ask: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const { session } = transfer.call
    return Effect.suspend(() => {
      this.#known.set(session, transfer)
      return Effect.tapError(ask, () => Effect.sync(() => this.#known.take(session)))
    })
  }

  /** Has the person called, while the call stays with us. */
  beginWarm<E, R>(transfer: CloudTransfer, dial: Effect.Effect<string, E, R>): Effect.Effect<void, E, R> {
    return Effect.map(this.begin(transfer, dial), (other) => this.reached(transfer.call, other))
  }

  /** The call to the person has an id. */
  reached(call: Call, other: string): void {
    const known = this.#known.get(call.session)
    if (known?.call === call) this.#known.set(call.session, { ...known, other })
  }

  /** The call is with the person. */
  connected(session: string): void {
    this.#known.take(session)?.call.emit({ type: "call.ended", cause: "transferred" })
  }

  /** The call stays with us, or comes back. Gives it, where it is known. */
  failed(session: string, cause: TransferFailure): Call | undefined {
    const call = this.#known.take(session)?.call
    call?.emit({ type: "call.transfer_failed", cause })
    return call
  }
}

/**
 * Connects a call with the person who has answered and heard the summary.
 *
 * @category operations
 * @since 0.1.0
 */
export const join = <A, E, R>(call: Call, connect: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  connect.pipe(
    Effect.tapError(() => Effect.sync(() => call.emit({ type: "call.transfer_failed", cause: "failed" }))),
    Effect.andThen(Effect.sync(() => call.emit({ type: "call.ended", cause: "transferred" })))
  )

/**
 * The same; where it fails, the call of the person is ended.
 *
 * @category operations
 * @since 0.1.0
 */
export const joinOrHangUp = <A, E, R, E2, R2>(
  call: Call,
  connect: Effect.Effect<A, E, R>,
  hangUp: Effect.Effect<void, E2, R2>
): Effect.Effect<void, E | E2, R | R2> =>
  Effect.catch(join(call, connect), (error) => Effect.andThen(hangUp, Effect.fail(error)))
