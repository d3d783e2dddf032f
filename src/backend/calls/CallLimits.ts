/**
 * How many calls a process makes at once: in all, and by each carrier.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type BackendError, SessionLimitExceeded } from "../../BackendError.ts"
import type { CallDetails } from "../../session/call/CallDetails.ts"
import type { AccessControl } from "../admission/AccessControl.ts"
import type { OutboundCalls } from "./OutboundCalls.ts"

const full = (what: string, max: number) =>
  new SessionLimitExceeded({
    op: "VoiceBackend.dial",
    message: `${what} ${max === 1 ? "a call" : `${max} calls`} at once`,
    details: { reason: "calls_full", max, retryAfterMs: 5_000 }
  })

/**
 * @category models
 * @since 0.1.0
 */
export interface CallLimits {
  /**
   * Counts a call until the scope ends. A new one fails `session_limit_exceeded` (`details.reason: "calls_full"`) where there are as many
   * as may be, and `rate_limit_exceeded` where the carrier has taken as many as it takes a second.
   */
  readonly enter: (call: CallDetails, restored: boolean) => Effect.Effect<void, BackendError, Scope.Scope>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ access, calls }: {
  readonly calls: () => OutboundCalls | undefined
  readonly access: Pick<AccessControl, "callRate">
}): CallLimits => {
  const counts = new Map<string, number>()
  let total = 0

  const refusal = (name: string): SessionLimitExceeded | undefined => {
    const limits = calls()
    if (limits === undefined) return undefined
    if (total >= limits.maxConcurrentCalls) return full("the backend makes", limits.maxConcurrentCalls)
    const max = limits.carriers.find((carrier) => carrier.name === name)?.maxConcurrentCalls
    return max === undefined || (counts.get(name) ?? 0) < max ? undefined : full("the carrier makes", max)
  }

  const take = (name: string, restored: boolean): Effect.Effect<void, SessionLimitExceeded> =>
    Effect.suspend(() => {
      // looked at and taken in one step
      const refused = restored ? undefined : refusal(name)
      if (refused !== undefined) return Effect.fail(refused)
      total++
      counts.set(name, (counts.get(name) ?? 0) + 1)
      return Effect.void
    })

  const leave = (name: string) => {
    total--
    const left = (counts.get(name) ?? 1) - 1
    if (left > 0) counts.set(name, left)
    else counts.delete(name)
  }

  return {
    enter: Effect.fnUntraced(function*({ carrier: name }, restored) {
      yield* Effect.acquireRelease(take(name, restored), () => Effect.sync(() => leave(name)))
      const carrier = calls()?.carriers.find((carrier) => carrier.name === name)
      if (!restored && carrier !== undefined) yield* access.callRate(name, carrier.callsPerSecond)
    })
  }
}
