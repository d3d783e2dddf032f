/**
 * Writes a session to its store while it lives: off the hot path, one write at a time, always the newest.
 *
 * A write is due when something has happened that must not be lost, and every second while the agent speaks. A store that
 * fails is asked again until it answers; the conversation goes on meanwhile.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../BackendError.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import * as SessionSnapshot from "./SessionSnapshot.ts"

/** At most so much of what was heard of a reply is lost. */
const WHILE_SPEAKING = Duration.millis(1_000)
const RETRY_MS = 100
const MAX_RETRY_MS = 5_000

/**
 * A change of what is kept, as `SessionStore.write` takes it.
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
  /** The history that is kept already. */
  readonly kept: ReadonlyArray<HistoryItem>
  /** Everything up to the event of this number is safe. */
  readonly onSaved: (seq: number) => void
  /** The session is another owner's now. */
  readonly onTakenOver: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SnapshotWriter {
  /** Something has happened that must not be lost. Synchronous. */
  readonly touch: () => void
}

/** Where two histories part; items that are the same are the same object. */
const commonLength = (one: ReadonlyArray<HistoryItem>, other: ReadonlyArray<HistoryItem>): number => {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one[length] === other[length]) length++
  return length
}

/**
 * Begins to write; ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { kept: before, onSaved, onTakenOver, read, write }: SnapshotWriterOptions
): Effect.fn.Return<SnapshotWriter, never, Scope.Scope> {
  const wake = yield* Queue.sliding<void>(1)
  let kept = before
  let failures = 0

  const save = Effect.suspend(() => {
    const { head, history, seq } = read()
    const from = commonLength(kept, history)
    return Effect.map(write({ head, from, items: history.slice(from).map(SessionSnapshot.encodeItem) }), () => {
      kept = history
      failures = 0
      onSaved(seq)
      return true
    })
  }).pipe(
    Effect.catch((error) => {
      if (error.code === "session_not_found") {
        return Effect.as(Effect.sync(onTakenOver), false)
      }
      failures++
      const told = failures === 1 ? Effect.logWarning("a session is not kept at present", error.message) : Effect.void
      return told.pipe(
        Effect.andThen(Effect.sleep(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(16, failures - 1)))),
        Effect.as(true),
        Effect.tap(Effect.sync(() => Queue.offerUnsafe(wake, undefined)))
      )
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
  return { touch: () => void Queue.offerUnsafe(wake, undefined) }
})
