/**
 * Writes the snapshots of a session to the store: off the hot path, one write at a time, always the newest snapshot.
 *
 * A write is due after a change that must not be lost, and every second while the agent speaks. A write that fails is
 * retried until it succeeds; the conversation goes on meanwhile. What the store has lost is written again as a whole, in
 * pieces, and less often while the store goes on losing it. What is too large for the store is made smaller.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { HistoryItem } from "../../conversation/History.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import * as RetryPolicy from "../../RetryPolicy.ts"
import * as ThrownValue from "../../ThrownValue.ts"
import * as SessionSnapshot from "./SessionSnapshot.ts"
import { MAX_HEAD_BYTES, MAX_ITEM_BYTES } from "./SessionStore.ts"

/** The most that is lost of what was heard of a reply. */
const WHILE_SPEAKING = Duration.millis(1_000)
/** How many times the sizes are halved for a store that takes less than it must. */
const MAX_HALVINGS = 6
const retryPolicy: RetryPolicy.RetryPolicy = { delay: Duration.millis(100), maxDelay: Duration.seconds(5) }
/** Before what the store has lost is written again as a whole. */
const lossPolicy: RetryPolicy.RetryPolicy = { delay: Duration.millis(50), maxDelay: Duration.minutes(1) }
/** A store that has lost nothing for so long counts as sound again. */
const LOSS_MEMORY_MS = 300_000
/** The most that one write carries, in characters and in items. */
const MAX_WRITE_CHARACTERS = 256 * 1024
const MAX_WRITE_ITEMS = 1_000

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
  /** The session now, its head in at most so many bytes where that is possible. */
  readonly read: (maxHeadBytes: number) => {
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
  /** The store refuses what it must take as too large: texts are cut for it from now on. Called once. */
  readonly onTooLarge: () => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SnapshotWriter {
  /** Schedules a write, after a change that must not be lost. Synchronous. */
  readonly requestSave: () => void
  /** Schedules a write of the whole snapshot: the store has lost what was written. Synchronous. */
  readonly saveAgain: () => void
}

/** How many items two histories have in common; equal items are the same object. */
const commonLength = (one: ReadonlyArray<HistoryItem>, other: ReadonlyArray<HistoryItem>): number => {
  const most = Math.min(one.length, other.length)
  let length = 0
  while (length < most && one[length] === other[length]) length++
  return length
}

/** The items of the next write. */
const nextItems = (
  history: ReadonlyArray<HistoryItem>,
  from: number,
  maxItemBytes: number
): ReadonlyArray<string> => {
  const items: Array<string> = []
  let characters = 0
  for (let index = from; index < history.length && items.length < MAX_WRITE_ITEMS; index++) {
    const item = SessionSnapshot.encodeItemWithin(history[index]!, maxItemBytes)
    characters += item.length
    if (items.length > 0 && characters > MAX_WRITE_CHARACTERS) break
    items.push(item)
  }
  return items
}

const reasonOf = ({ details }: BackendError): unknown => details?.["reason"]

/**
 * Starts the writer in the present scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  { onSaved, onTakenOver, onTooLarge, read, stored: before, write }: SnapshotWriterOptions
): Effect.fn.Return<SnapshotWriter, never, Scope.Scope> {
  const wake = yield* Queue.sliding<void>(1)
  const requestSave = () => void Queue.offerUnsafe(wake, undefined)
  let stored = before
  let pauses: RetryPolicy.Pauses | undefined
  let halvings = 0
  let hasLost = false
  let losses: RetryPolicy.Pauses | undefined
  let lastLossMs = Number.NEGATIVE_INFINITY

  const lose = () => {
    stored = []
    hasLost = true
    requestSave()
  }

  /** Waits before the whole is written again: the longer, the more often the store has lost it. */
  const pauseAfterLoss = Effect.gen(function*() {
    const now = yield* MonotonicTime.currentMs
    if (losses === undefined || now - lastLossMs > LOSS_MEMORY_MS) losses = yield* RetryPolicy.start(lossPolicy)
    lastLossMs = now
    yield* Effect.sleep((yield* losses(lost)) ?? 0)
    // whatever was lost until now, the whole is written next
    hasLost = false
  })

  /** Writes what is not stored, in as many writes as it takes. */
  const saveAll: Effect.Effect<void, BackendError> = Effect.suspend(() => {
    const { head, history, seq } = read(MAX_HEAD_BYTES / 2 ** halvings)
    const from = commonLength(stored, history)
    const items = nextItems(history, from, MAX_ITEM_BYTES / 2 ** halvings)
    return Effect.suspend(() => write({ head, from, items })).pipe(Effect.andThen(Effect.suspend(() => {
      // while it was written, the store may have been found to have lost it
      if (hasLost) return Effect.void
      stored = history.slice(0, from + items.length)
      if (stored.length < history.length) return saveAll
      pauses = undefined
      onSaved(seq)
      return Effect.void
    })))
  })

  /** Tries again with less; when that does not help, after the next change: it is not retried for ever. */
  const shrink = Effect.fnUntraced(function*(error: BackendError) {
    if (halvings === 0) {
      yield* Effect.logWarning(
        "the session store refuses a snapshot as too large; its texts are cut",
        ThrownValue.textOf(error)
      )
      onTooLarge()
    }
    if (halvings === MAX_HALVINGS) return
    halvings++
    requestSave()
  })

  const retryLater = Effect.fnUntraced(function*(error: BackendError) {
    if (pauses === undefined) {
      yield* Effect.logDebug("session snapshot failed; will retry", ThrownValue.textOf(error))
      pauses = yield* RetryPolicy.start(retryPolicy)
    }
    yield* Effect.sleep((yield* pauses(error)) ?? 0)
    requestSave()
  })

  /** Whether it goes on. */
  const save: Effect.Effect<boolean> = Effect.suspend(() => hasLost ? pauseAfterLoss : Effect.void).pipe(
    Effect.andThen(saveAll),
    Effect.as(true),
    Effect.catch((error) => {
      switch (reasonOf(error)) {
        case "fenced":
          return Effect.as(Effect.sync(onTakenOver), false)
        case "gap":
          return Effect.as(Effect.sync(lose), true)
        case "too_large":
          return Effect.as(shrink(error), true)
        default:
          return Effect.as(retryLater(error), true)
      }
    })
  )

  yield* Effect.suspend(() => {
    const due = Queue.take(wake)
    return read(MAX_HEAD_BYTES).speaking ? Effect.timeoutOption(due, WHILE_SPEAKING) : Effect.asSome(due)
  }).pipe(
    Effect.andThen(save),
    Effect.repeat({ while: (goesOn) => goesOn }),
    Effect.forkScoped
  )
  return { requestSave, saveAgain: lose }
})

/** What the pauses after a loss are asked with; it says no time of its own. */
const lost = new InvalidConfig({ op: "SessionStore.write", message: "the session store has lost the session" })
