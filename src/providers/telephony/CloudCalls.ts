/**
 * What a carrier of the cloud knows of its calls: those that are made, those whose stream was here, and their transfers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { MediaStart } from "../../protocols/MediaProtocol.ts"
import type { CallEvent } from "../../session/call/CallControl.ts"
import type { Call, Carrier, CarrierHost } from "./Call.ts"
import { CloudTransfers } from "./CloudTransfers.ts"
import * as GrantedCall from "./GrantedCall.ts"
import { unsupported } from "./OutboundFields.ts"
import { RecentCalls } from "./RecentCalls.ts"

/**
 * - `carrier`: its name.
 * - `renames`: whether a call that we have made may go on under another id than the one its request was answered with. false.
 *
 * @category models
 * @since 0.1.0
 */
export interface CloudCallsOptions {
  readonly carrier: string
  readonly host: Pick<CarrierHost, "calls" | "tokens">
  readonly renames?: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export class CloudCalls {
  readonly transfers = new CloudTransfers()
  readonly #options: CloudCallsOptions
  /** By the carrier's id, or by the session of a call that we have made. */
  readonly #streamed = new RecentCalls<Call>()
  /** By session. */
  readonly #dialling = new RecentCalls<Call>()

  constructor(options: CloudCallsOptions) {
    this.#options = options
  }

  /** A call of this process by the carrier's id of it. */
  find(callId: string): Call | undefined {
    return this.#options.host.calls.find(this.#options.carrier, callId)
  }

  /** The call that a stream's token is good for. */
  enter(token: string | undefined, start: MediaStart): Effect.Effect<Call, BackendError, Scope.Scope> {
    return Effect.tap(
      GrantedCall.enter(this.#options.host, this.#options.carrier, token, start),
      (call) =>
        Effect.sync(() => this.#streamed.set(call.details.direction === "inbound" ? start.callId : call.session, call))
    )
  }

  /** A call whose stream this process has had, by the carrier's id, or by the session of one that we have made. */
  streamed(key: string): Call | undefined {
    return this.#streamed.get(key)
  }

  /** Asks the carrier to make a call. It is known before: its webhooks may come before the response does. */
  dial<A, E, R>(call: Call, ask: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.#dialling.set(call.session, call)
      return Effect.tapError(ask, () => Effect.sync(() => this.#dialling.take(call.session)))
    })
  }

  /** A webhook tells the id of a call that we make for a session. */
  named(session: string, callId: string): Call | undefined {
    const made = this.#dialling.get(session)
    const id = made?.id()
    if (id === undefined || this.#options.renames === true && id !== callId) made?.named(callId)
    return made
  }

  /** The call that we have made for a session is over, or was not made. Gives what was being made. */
  dialled(session: string): Call | undefined {
    return this.#dialling.take(session)
  }

  /** Tells a call what a webhook says of it; `session`: of one that we make. */
  tell(callId: string, event: CallEvent | undefined, session?: string): void {
    const made = session === undefined ? undefined : this.named(session, callId)
    const call = this.find(callId) ?? made
    if (call === undefined || event === undefined || call.id() !== callId) return
    // an incoming call rings and is answered by us
    if (call.details.direction === "outbound" || event.type === "call.ended") call.emit(event)
    if (event.type === "call.ended") this.#dialling.take(call.session)
  }

  /** Ends a call, and that to a person who was to talk to it. */
  hangUp(call: Call, end: (id: string) => Effect.Effect<void, BackendError>): Effect.Effect<void, BackendError> {
    const other = this.transfers.take(call.session)?.other
    this.#dialling.take(call.session)
    return Effect.forEach([call.id(), other].filter((id) => id !== undefined), end, { discard: true })
  }
}

/**
 * The carrier's id of a call; fails where it has none yet.
 *
 * @category accessors
 * @since 0.1.0
 */
export const idOf = (call: Call): Effect.Effect<string, InvalidConfig> => {
  const id = call.id()
  return id === undefined
    ? Effect.fail(new InvalidConfig({ op: "TelephonyProvider.call", message: "the call has not been made yet" }))
    : Effect.succeed(id)
}

/**
 * Sends digits by a carrier that has no keys `A` to `D`.
 *
 * @category operations
 * @since 0.1.0
 */
export const sendDigits =
  (vendor: string, send: (id: string, digits: string) => Effect.Effect<void, BackendError>): Carrier["sendDtmf"] =>
  (call, digits) =>
    /[A-D]/u.test(digits)
      ? Effect.fail(unsupported("TelephonyProvider.sendDigits", `${vendor} sends 0 to 9, * and # only`))
      : Effect.flatMap(idOf(call), (id) => send(id, digits))

/**
 * The two numbers of a call that is to be made; fails where one is missing.
 *
 * @category accessors
 * @since 0.1.0
 */
export const numbersOf = (
  to: string | undefined,
  from: string | undefined
): Effect.Effect<{ readonly to: string; readonly from: string }, InvalidConfig> =>
  to !== undefined && from !== undefined ? Effect.succeed({ to, from }) : Effect.fail(
    new InvalidConfig({
      op: "TelephonyProvider.dial",
      message: "a call needs the number to call, and ours to call with",
      details: { missing: to === undefined ? "to" : "from" }
    })
  )
