/**
 * The open file of the SQLite session store: what is at its path now, its transactions, and what is wrong with it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { DatabaseSync } from "node:sqlite"
import { isDeepStrictEqual } from "node:util"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import * as MonotonicTime from "../MonotonicTime.ts"
import {
  cannotOpen,
  failure,
  findDamage,
  identityOf,
  inTransaction,
  isBusy,
  isNewer,
  numberOf,
  open
} from "./SqliteDatabase.ts"
import * as SqliteFaults from "./SqliteFaults.ts"
import * as SqliteStatements from "./SqliteStatements.ts"
import * as StoreFault from "./StoreFault.ts"

/**
 * The name of the store.
 *
 * @category constants
 * @since 0.1.0
 */
export const NAME = "sqlite"
const PROBE = "SessionStore.probe"
/** How often an operation is retried while another process has the file: for about 5 s in all. */
const MAX_BUSY_RETRIES = 24
/** The pause between two tries, of which each blocks the process for up to 5 ms. */
const BUSY_PAUSE_MS = 100
/** How long the probe tells that the file was removed or replaced. */
const REPLACED_MS = 30_000

/** Of one operation; it only tries when no other has just found the file busy. */
const busyRetry = (times = MAX_BUSY_RETRIES) =>
  Schedule.min([Schedule.exponential("20 millis", 1.5), Schedule.spaced("250 millis")]).pipe(
    Schedule.jittered,
    Schedule.upTo({ times })
  )

/** An open file: its database and its statements. */
interface OpenFile {
  readonly db: DatabaseSync
  readonly sql: SqliteStatements.Statements
  /** Which files it, its write-ahead log and the index of that are; others may be at their paths later. */
  readonly identity: ReadonlyArray<string | undefined>
  /** What is wrong with its structure: from then on, no write can be trusted. */
  damage: StoreFault.StoreFault | undefined
}

const identitiesOf = (path: string) => [path, `${path}-wal`, `${path}-shm`].map(identityOf)

/** Throws an error of SQLite or `InvalidConfig`. */
const openFile = (path: string): OpenFile => {
  const db = open(path)
  return { db, sql: SqliteStatements.prepare(db), identity: identitiesOf(path), damage: findDamage(db) }
}

const replaced = StoreFault.fault(
  "replaced",
  "has lost its file: it was removed or replaced while it was open; the one that is there now is used"
)

/**
 * @category models
 * @since 0.1.0
 */
export interface SqliteConnection {
  /**
   * Runs a transaction on the file that is at the path now; `now` is the wall clock in ms. While another process has the file
   * it is retried: `retries` times, 24 if not given, which is about 5 s.
   */
  readonly transaction: <A>(
    op: string,
    run: (sql: SqliteStatements.Statements, now: number) => A,
    retries?: number
  ) => Effect.Effect<A, BackendError>
  /** Whether the disk was full, and no probe has succeeded since. */
  readonly isFull: () => boolean
  /** Notes that a probe has succeeded. Fails with what is wrong nevertheless: damage, a newer schema, another file. */
  readonly noteProbe: Effect.Effect<void, BackendError>
  /** Empties the write-ahead log; whether it could. */
  readonly checkpoint: Effect.Effect<boolean>
}

/**
 * Opens the file at a path; it is closed with the scope. Fails `invalid_config` if it cannot be opened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<SqliteConnection, BackendError, Scope.Scope> {
  const clock = yield* Clock.Clock
  let file: OpenFile | undefined
  const close = () => {
    const former = file
    file = undefined
    try {
      former?.db.close()
    } catch {
      // its disk may be gone
    }
  }
  let replacedMs = Number.NEGATIVE_INFINITY
  /** The file that is at the path now. */
  const current = (): OpenFile => {
    if (file !== undefined && !isDeepStrictEqual(file.identity, identitiesOf(path))) {
      replacedMs = MonotonicTime.nowMs(clock)
      close()
    }
    file ??= openFile(path)
    return file
  }
  yield* Effect.acquireRelease(
    Effect.try({ try: current, catch: failure }).pipe(
      Effect.retry({ schedule: busyRetry(), while: isBusy }),
      Effect.mapError(({ cause }) => cause instanceof InvalidConfig ? cause : cannotOpen(path, cause))
    ),
    () => Effect.sync(close)
  )

  /** Another process has the file: until when nobody tries again, and the error that says so. */
  let busy: { readonly untilMs: number; readonly cause: unknown } | undefined
  /** Runs it, unless a try has just found the file busy. */
  const unlessBusy = <A>(run: () => A): A => {
    if (busy !== undefined && MonotonicTime.nowMs(clock) < busy.untilMs) throw busy.cause
    busy = undefined
    try {
      return run()
    } catch (cause) {
      if (SqliteFaults.isBusy(cause)) busy = { untilMs: MonotonicTime.nowMs(clock) + BUSY_PAUSE_MS, cause }
      throw cause
    }
  }
  let isFull = false

  const faultOf = (cause: unknown): StoreFault.StoreFault => {
    if (cause instanceof InvalidConfig) {
      return StoreFault.fault(
        "unsupported",
        "cannot be used: its file is that of another application or a newer release"
      )
    }
    const fault = SqliteFaults.faultOf(cause)
    if (file !== undefined && SqliteFaults.isDamage(cause)) file.damage ??= fault
    isFull = fault.reason === "full"
    return fault
  }

  /** Runs a transaction, and retries it while another process has the file. */
  const transaction = <A>(
    op: string,
    run: (sql: SqliteStatements.Statements, now: number) => A,
    retries?: number
  ): Effect.Effect<A, BackendError> =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) =>
        Effect.try({
          try: () =>
            unlessBusy(() => {
              const { db, sql } = current()
              return inTransaction(db, () => run(sql, Math.trunc(now)))
            }),
          catch: failure
        })
    ).pipe(
      Effect.retry({ schedule: busyRetry(retries), while: isBusy }),
      Effect.mapError(({ cause }) => StoreFault.toError(op, NAME, faultOf(cause)))
    )

  const checkpoint = Effect.try(() =>
    file === undefined || numberOf(file.db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get(), "busy") === 0
  ).pipe(
    Effect.orElseSucceed(() => false)
  )

  return {
    transaction,
    isFull: () => isFull,
    noteProbe: Effect.try({
      try: () => {
        const newer = file !== undefined && isNewer(file.db) ? StoreFault.newerSchema : undefined
        isFull = false
        const isReplaced = MonotonicTime.nowMs(clock) - replacedMs < REPLACED_MS
        return file?.damage ?? newer ?? (isReplaced ? replaced : undefined)
      },
      catch: (cause) => StoreFault.toError(PROBE, NAME, faultOf(cause))
    }).pipe(
      Effect.flatMap((fault) => fault === undefined ? Effect.void : Effect.fail(StoreFault.toError(PROBE, NAME, fault)))
    ),
    checkpoint
  }
})
