/**
 * The calls to people to whom calls are transferred.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BackendError } from "../../../BackendError.ts"
import * as CarrierRequest from "../CarrierRequest.ts"
import { idOf } from "../CloudCalls.ts"
import { type CloudTransfers, joinOrHangUp } from "../CloudTransfers.ts"
import type { Rest } from "./Rest.ts"
import type { TelnyxEvent } from "./Webhooks.ts"

/**
 * An event of a leg that Telnyx bridges by itself once it is answered.
 *
 * @category operations
 * @since 0.1.0
 */
export const onPlain = (transfers: CloudTransfers, session: string, { event, type }: TelnyxEvent): void => {
  if (type === "call.bridged") {
    transfers.connected(session)
  } else if (event?.type === "call.ended") {
    // before it was bridged: the call stays with us
    const cause = event.cause === "busy" || event.cause === "no_answer" || event.cause === "rejected"
      ? event.cause
      : "failed"
    transfers.failed(session, cause)
  }
}

/**
 * An event of a leg whose person hears the summary, and is then bridged with the call.
 *
 * @category operations
 * @since 0.1.0
 */
export const onWarm = Effect.fnUntraced(function*(
  { language, rest, transfers }: {
    readonly transfers: CloudTransfers
    readonly rest: Pick<Rest, "bridge" | "hangUp" | "speak">
    readonly language: string
  },
  session: string,
  { callId, event, type }: TelnyxEvent
): Effect.fn.Return<void, BackendError> {
  const known = transfers.get(session)
  if (type === "call.answered" && known === undefined) return yield* rest.hangUp(callId)
  if (known === undefined) return
  if (type === "call.answered" && known.summary !== undefined) {
    transfers.reached(known.call, callId)
    return yield* CarrierRequest.orOver(rest.speak(callId, known.summary, language))
  }
  if (type === "call.answered" || type === "call.speak.ended") {
    transfers.take(session)
    const connect = Effect.flatMap(idOf(known.call), (id) => rest.bridge(id, callId))
    return yield* joinOrHangUp(known.call, connect, rest.hangUp(callId))
  }
  if (event?.type !== "call.ended") return
  transfers.failed(session, event.cause === "busy" || event.cause === "no_answer" ? event.cause : "rejected")
})
