/**
 * Gathers the writes of many sessions for a moment, so that a database gets them together. Each caller gets the answer for
 * its own session alone.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Semaphore from "effect/Semaphore"
import type { BackendError } from "../BackendError.ts"
import type { SessionLease, StoredSession } from "../session/persistence/SessionStore.ts"

/**
 * For how long writes are gathered: 25 ms, so that there are at most 40 statements a second, however many sessions a process
 * has. What a crash may lose grows by as much, beside the second of a reply that may be lost anyway.
 *
 * @category constants
 * @since 0.1.0
 */
export const GATHERED_FOR = Duration.millis(25)

/**
 * A change of a stored session: its new head, and its items from `from` on.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredChange extends StoredSession {
  readonly from: number
}

/**
 * A write whose caller waits for the answer.
 *
 * @category models
 * @since 0.1.0
 */
export class GatheredWrite extends Request.Class<
  { readonly lease: SessionLease; readonly change: StoredChange },
  void,
  BackendError
> {
  #isOpen = true
  #entry: Request.Entry<GatheredWrite> | undefined

  /** Whether somebody waits for an answer. If not, it must not be stored any more: the caller's next write may be. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Its caller has gone. */
  abandon(): void {
    this.#isOpen = false
  }

  /** Notes who is to be answered. */
  sent(entry: Request.Entry<GatheredWrite>): void {
    this.#entry = entry
  }

  /** Answers the caller. Further answers are ignored. */
  answer(exit: Exit.Exit<void, BackendError>): void {
    this.#isOpen = false
    this.#entry?.completeUnsafe(exit)
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface GatheredWritesOptions {
  /**
   * Stores writes, and answers those that it has stored or refused. It is not run again before it has ended, so that the writes
   * of one session reach the database in their order; more are gathered while it is slow. Its failure is that of all of them.
   */
  readonly together: (writes: ReadonlyArray<GatheredWrite>) => Effect.Effect<void, BackendError>
  /**
   * Stores one that was left without an answer; others do not wait for it. It looks whether the write is still open when its
   * turn with the database has come: a newer write of the session may have overtaken it.
   */
  readonly alone: (write: GatheredWrite) => Effect.Effect<void, BackendError>
}

/**
 * Makes the write of a store that gathers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { alone, together }: GatheredWritesOptions
): (lease: SessionLease, change: StoredChange) => Effect.Effect<void, BackendError> => {
  const turn = Semaphore.makeUnsafe(1)
  const store = Effect.fnUntraced(function*(writes: ReadonlyArray<GatheredWrite>) {
    yield* Semaphore.withPermit(turn, Effect.suspend(() => together(writes.filter((write) => write.isOpen))))
    yield* Effect.forEach(
      writes.filter((write) => write.isOpen),
      (write) => Effect.map(Effect.exit(alone(write)), (exit) => write.answer(exit)),
      { concurrency: "unbounded", discard: true }
    )
    // so that nothing is left without an answer
    for (const write of writes) write.answer(Exit.interrupt())
  })
  const resolver = RequestResolver.make<GatheredWrite>((entries) =>
    store(entries.map((entry) => {
      entry.request.sent(entry)
      return entry.request
    }))
  ).pipe(
    // until those before have been stored, further writes join these
    RequestResolver.setDelayEffect(Effect.andThen(Effect.sleep(GATHERED_FOR), Semaphore.withPermit(turn, Effect.void)))
  )
  return (lease, change) =>
    Effect.suspend(() => {
      const write = new GatheredWrite({ lease, change })
      return Effect.onInterrupt(Effect.request(write, resolver), () => Effect.sync(() => write.abandon()))
    })
}
