/**
 * Whether what must be recorded can be recorded: an outage of the archive is one, however many sessions it concerns. The health
 * report shows it, and logs its beginning and its end.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"

/** Failures within this time belong to one outage: sessions do not write at the same moment. */
const SETTLED_MS = 10_000

/**
 * @category models
 * @since 0.1.0
 */
export interface ArchiveOutage {
  /** This session (or the sweep) could not store its data. */
  readonly failed: (who: string, error: BackendError) => Effect.Effect<void>
  /** It has stored all that it had to. */
  readonly worked: (who: string) => Effect.Effect<void>
  /** It has ended. */
  readonly ended: (who: string) => Effect.Effect<void>
  /** The first failure of the present outage. */
  readonly current: Effect.Effect<BackendError | undefined>
}

interface Outage {
  readonly error: BackendError
  /** Of the sessions that ended meanwhile: how many are not stored as a whole. */
  incomplete: number
  lastMs: number
}

/**
 * Makes it for an archive that works. `onChange` runs when an outage begins and when it ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  onChange: Effect.Effect<unknown>
): Effect.fn.Return<ArchiveOutage> {
  const clock = yield* Clock.Clock
  const failing = new Set<string>()
  let outage: Outage | undefined
  const now = () => MonotonicTime.nowMs(clock)

  const settle = Effect.suspend(() => {
    if (outage === undefined || failing.size > 0 || now() - outage.lastMs < SETTLED_MS) return Effect.void
    const { incomplete } = outage
    outage = undefined
    return Effect.andThen(
      incomplete === 0
        ? Effect.void
        : Effect.logWarning("sessions ended while the archive had failed: not all of them is stored", {
          sessions: incomplete
        }),
      onChange
    )
  })

  return {
    failed: (who, error) =>
      Effect.suspend(() => {
        const isFirst = outage === undefined
        outage ??= { error, incomplete: 0, lastMs: 0 }
        outage.lastMs = now()
        failing.add(who)
        return isFirst ? Effect.asVoid(onChange) : Effect.void
      }),
    worked: (who) =>
      Effect.suspend(() => {
        failing.delete(who)
        return Effect.asVoid(settle)
      }),
    ended: (who) =>
      Effect.suspend(() => {
        if (failing.delete(who) && outage !== undefined) outage.incomplete++
        return Effect.asVoid(settle)
      }),
    current: Effect.andThen(settle, Effect.sync(() => outage?.error))
  }
})
