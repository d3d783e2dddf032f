/**
 * A provider that calls users without a telephone: the test rings, answers and hangs up.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { OutboundCalls } from "../../backend/calls/OutboundCalls.ts"
import * as BackendProvider from "../../backend/provider/BackendProvider.ts"
import type { BackendError } from "../../BackendError.ts"
import type { CallEvent } from "../../session/call/CallControl.ts"
import type { UserConnection } from "../../session/UserConnection.ts"
import * as ScriptedProvider from "./ScriptedProvider.ts"

/**
 * A call of a session, from the far end.
 *
 * - `id`: the carrier's, `call-1` and so on.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedCall {
  readonly id: string
  readonly session: BackendProvider.LinkedSession
  /** Whether our side has hung up. */
  readonly isOver: () => boolean
  /** Something happens to the call. */
  readonly tell: (event: CallEvent) => void
  /** The called one answers, on this connection. */
  readonly answer: (connection: UserConnection) => void
}

/**
 * - `outbound`: the carriers and their limits. Default: a carrier `scripted` for 100 calls at once and 1,000 a second, that may call
 *   anybody.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedCallsOptions {
  readonly outbound?: Partial<OutboundCalls> | undefined
  /** What the carrier does when it is asked for a call, before that is there. Default: it takes the order at once. */
  readonly dial?: ((session: BackendProvider.LinkedSession) => Effect.Effect<void, BackendError>) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ScriptedCalls {
  readonly provider: BackendProvider.BackendProvider["Service"]
  /** The calls that were made, in their order. A restored session makes none. */
  readonly made: ReadonlyArray<ScriptedCall>
  /** All sessions that were opened, also restored ones. */
  readonly opened: ReadonlyArray<BackendProvider.LinkedSession>
}

const defaults: OutboundCalls = {
  carriers: [{ name: "scripted", callsPerSecond: 1_000 }],
  allowedDestinations: ["+", "sip:"],
  maxConcurrentCalls: 100
}

/**
 * Makes a provider whose calls a test answers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ dial, outbound }: ScriptedCallsOptions = {}): ScriptedCalls => {
  const made: Array<ScriptedCall> = []
  const opened: Array<BackendProvider.LinkedSession> = []

  const open: BackendProvider.ProviderConnection["open"] = Effect.fnUntraced(function*(session) {
    opened.push(session)
    const events = yield* Queue.unbounded<CallEvent, Cause.Done>()
    const connections = yield* Queue.unbounded<UserConnection>()
    const link = { access: { connectionUrl: "memory:" }, attachments: Stream.fromQueue(connections) }
    const { call } = session.config
    if (call?.dial === undefined) return link
    if (session.restored !== true) yield* dial?.(session) ?? Effect.void
    let isOver = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isOver = true
      })
    )
    const id = call.id ?? `call-${made.length + 1}`
    const scripted: ScriptedCall = {
      id,
      session,
      isOver: () => isOver,
      tell: (event) => void Queue.offerUnsafe(events, event),
      answer: (connection) => {
        Queue.offerUnsafe(events, { type: "call.answered" })
        Queue.offerUnsafe(connections, connection)
      }
    }
    if (session.restored !== true) made.push(scripted)
    return {
      ...link,
      call: { id, facts: () => ({ call: id }), events: Stream.fromQueue(events) }
    }
  })

  return {
    made,
    opened,
    provider: BackendProvider.mapConnect(
      ScriptedProvider.provider,
      (connect) => (config, host) =>
        Effect.map(connect(config, host), (connection) => ({
          ...connection,
          open,
          outbound: { ...defaults, ...outbound }
        }))
    )
  }
}
