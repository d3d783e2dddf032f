/**
 * A lock between the processes that share a cache directory, so that they make one download and not one each.
 *
 * A lock is a file that its owner touches every few seconds. When it was not touched for a while, its owner is dead, and
 * another takes it. It saves work and is not what keeps the cache whole: a process that was suspended for longer may find that
 * two of them download, and what is installed is checked and renamed into place in any case.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs/promises"
import * as MonotonicTime from "../MonotonicTime.ts"
import { type FetchFailure, fromUnknown } from "./FetchFailure.ts"

/** How often an owner touches its lock. */
const TOUCH = Duration.seconds(3)
/** How long a lock may stay untouched; ten touches. */
const DEAD_MS = 30_000
/** How often those who wait look. */
const LOOK = Duration.millis(200)

const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

/** Takes the lock, if it is free. */
const take = (path: string, owner: string): Effect.Effect<boolean, FetchFailure> =>
  Effect.tryPromise({
    try: () =>
      Fs.writeFile(path, owner, { flag: "wx" }).then(() => true, (cause: unknown) => {
        if (codeOf(cause) === "EEXIST") return false
        throw cause
      }),
    catch: fromUnknown
  })

/** When the lock was touched last, by its file system's clock. Only changes of it count. */
const touchedAt = (path: string): Effect.Effect<number | undefined> =>
  Effect.promise(() => Fs.stat(path).then(({ mtimeMs }) => mtimeMs, () => undefined))

const remove = (path: string): Effect.Effect<void> =>
  Effect.promise(() => Fs.rm(path, { force: true }).catch(() => undefined))

/** Waits until the lock is free or its owner is dead, and takes it. */
const acquire = Effect.fnUntraced(function*(path: string, owner: string) {
  let seen = yield* touchedAt(path)
  let since = yield* MonotonicTime.currentMs
  while (!(yield* take(path, owner))) {
    yield* Effect.sleep(LOOK)
    const touched = yield* touchedAt(path)
    const now = yield* MonotonicTime.currentMs
    if (touched !== seen) {
      seen = touched
      since = now
    } else if (now - since >= DEAD_MS) {
      yield* remove(path)
    }
  }
})

const holds = (path: string, owner: string): Effect.Effect<boolean> =>
  Effect.promise(() => Fs.readFile(path, "utf8").then((held) => held === owner, () => false))

const release = (path: string, owner: string): Effect.Effect<void> =>
  Effect.flatMap(holds(path, owner), (held) => held ? remove(path) : Effect.void)

/** Changes the time of the lock, by writing the same into it, as long as it is this owner's. */
const touch = (path: string, owner: string): Effect.Effect<never> =>
  Effect.sleep(TOUCH).pipe(
    Effect.andThen(holds(path, owner)),
    Effect.andThen((held) =>
      held ? Effect.promise(() => Fs.writeFile(path, owner, { flag: "r+" }).catch(() => undefined)) : Effect.void
    ),
    Effect.forever
  )

/**
 * Runs an effect while this process holds the lock at `path`; waits for it as long as another holds it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLock =
  (path: string) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | FetchFailure, R> =>
    Effect.suspend(() => {
      const owner = Crypto.randomUUID()
      return Effect.acquireUseRelease(
        Effect.interruptible(acquire(path, owner)),
        () => Effect.raceFirst(effect, touch(path, owner)),
        () => release(path, owner)
      )
    })
