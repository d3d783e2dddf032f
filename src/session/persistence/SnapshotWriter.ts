/**
 * Writes the snapshots of a session to the store: off the hot path, one write at a time, always the newest snapshot.
 *
 * A write is due after a change that must not be lost, and every second while the agent speaks. A write that fails is
 * retried until it succeeds; the conversation goes on meanwhile.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import * as SessionSnapshot from "./SessionSnapshot.ts"

/** The most that is lost of what was heard of a reply. */
const WHILE_SPEAKING = Duration.millis(1_000)
const retryPolicy: RetryPolicy.RetryPolicy = { delay: Duration.millis(100), maxDelay: Duration.seconds(5) }

/**
 * A change of the stored snapshot, as `SessionStore.write` takes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SnapshotChange {
  readonly head: string
  readonly from: number
  readonly items: ReadonlyArray<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SnapshotWriterOptions {
  readonly write: (change: SnapshotChange) => Effect.Effect<void, BackendError>
  /** The session now. */
  readonly read: () => {
    readonly head: string
    readonly history: ReadonlyArray<HistoryItem>
    readonly seq: number
    readonly speaking: boolean
  }
  /** The history that is stored already. */
  readonly stored: ReadonlyArray<HistoryItem>
  /** Everything up to the event of this number is stored. */
  readonly onSaved: (seq: number) => void
  /** Another owner has taken the session over. */
  readonly onTakenOver: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SnapshotWriter {
  /** Schedules a write, after a change that must not be lost. Synchronous. */
  readonly requestSave: () => void
}

/** How many items two histories have in common; equal items are the same object. */
const commonLength = (one: ReadonlyArray<HistoryItem>, other: ReadonlyArray<HistoryItem>): number => {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one[length] === other[length]) length++
  return length
}

/**
 * Starts the writer in the present scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { onSaved, onTakenOver, read, stored: before, write }: SnapshotWriterOptions
): Effect.fn.Return<SnapshotWriter, never, Scope.Scope> {
  const wake = yield* Queue.sliding<void>(1)
  let stored = before
  let pauses: RetryPolicy.Pauses | undefined

  const save = Effect.suspend(() => {
    const { head, history, seq } = read()
    const from = commonLength(stored, history)
    return Effect.map(write({ head, from, items: history.slice(from).map(SessionSnapshot.encodeItem) }), () => {
      stored = history
      pauses = undefined
      onSaved(seq)
      return true
    })
  }).pipe(
    Effect.catch((error) => {
      if (error.code === "session_not_found") {
        return Effect.as(Effect.sync(onTakenOver), false)
      }
      return Effect.gen(function*() {
        if (pauses === undefined) {
          yield* Effect.logWarning("session snapshot failed; will retry", error.message)
          pauses = yield* RetryPolicy.start(retryPolicy)
        }
        yield* Effect.sleep((yield* pauses(error)) ?? 0)
        Queue.offerUnsafe(wake, undefined)
        return true
      })
    })
  )

  yield* Effect.suspend(() => {
    const due = Queue.take(wake)
    return read().speaking ? Effect.timeoutOption(due, WHILE_SPEAKING) : Effect.asSome(due)
  }).pipe(
    Effect.andThen(save),
    Effect.repeat({ while: (goesOn) => goesOn }),
    Effect.forkScoped
  )
  return { requestSave: () => void Queue.offerUnsafe(wake, undefined) }
})
