/**
 * Stores the recordings, transcripts, metadata and events of sessions for as long as they are retained.
 *
 * The data of a session is begun once and then written to. After it has been erased, writes return `false` and store
 * nothing, so that a running session does not restore what was erased. What was lost, because the storage was removed or
 * replaced, fails with `details.reason` `"lost"` instead: the session is begun again, and stored anew.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type BackendError, InvalidConfig } from "../../BackendError.ts"
import type { DataType } from "../../hooks/DataRetentionHook.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"

/**
 * One stored file; times are Unix time in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface ArchivedSession {
  readonly dataType: DataType
  readonly file: string
  readonly bytes: number
  readonly expiresAt: number
}

/**
 * A part of a recording in which its audio could not be written, from and to, in ms from its beginning.
 *
 * @category models
 * @since 0.1.0
 */
export type Gap = readonly [fromMs: number, toMs: number]

/**
 * The archive of a backend. `effect-voice/builtin` provides a directory when the config asks for retention.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionArchive extends Context.Service<SessionArchive, {
  /**
   * Begins to store these kinds of a session's data, or continues; begun again, it changes nothing. Returns the Unix time in ms
   * at which it was begun: `startedAtMs`, when what was stored before has been lost.
   */
  readonly begin: (entry: {
    readonly session: string
    readonly userId: string
    readonly periods: Periods
    readonly startedAtMs?: number | undefined
  }) => Effect.Effect<number, BackendError>
  /** Replaces one kind of data; `false` when it has been erased. */
  readonly write: (session: string, dataType: DataType, content: string) => Effect.Effect<boolean, BackendError>
  /**
   * Writes into one kind of data, at a position in bytes or at its end; `false` when it has been erased. Skipped bytes of a
   * recording, after its header, are zeros; other data that should precede the position and does not has been lost.
   */
  readonly append: (
    session: string,
    dataType: DataType,
    content: Uint8Array,
    at?: number
  ) => Effect.Effect<boolean, BackendError>
  /**
   * Reads one kind of data of a session that has been begun here, as it is stored; `undefined` when there is none, or too much
   * to be read at once. Without it, the transcript of a session that another process has begun is written anew.
   */
  readonly read?: (session: string, dataType: DataType) => Effect.Effect<string | undefined, BackendError>
  /**
   * Says every few seconds that the session is still recorded, so that other processes leave it alone, and where its audio has
   * gaps; `false` when it has been erased.
   */
  readonly renew?: (session: string, gaps: ReadonlyArray<Gap>) => Effect.Effect<boolean, BackendError>
  /** Finishes a session that has ended: the recording gets its length, and the retention periods start. */
  readonly finish: (session: string, periods: Periods) => Effect.Effect<void, BackendError>
  /** The stored files of a session. */
  readonly list: (session: string) => Effect.Effect<ReadonlyArray<ArchivedSession>, BackendError>
  /** Erases everything stored of a session; returns how many folders were removed. */
  readonly erase: (session: string) => Effect.Effect<number, BackendError>
  /** Erases everything stored of a user; returns how many sessions were erased. */
  readonly eraseUser: (userId: string) => Effect.Effect<number, BackendError>
  /**
   * Deletes expired files, and finishes recordings that a crash left open; returns how many files were deleted. Leaves alone
   * what any process still records.
   */
  readonly sweep: Effect.Effect<number, BackendError>
  /** Checks by writing that the archive can store data. */
  readonly probe?: Effect.Effect<void, BackendError>
}>()("effect-voice/session/SessionArchive") {}

/**
 * Opens an archive in a directory. Default: one in the user's state directory. `effect-voice/builtin` provides it.
 *
 * @category services
 * @since 0.1.0
 */
export const Open = Context.Reference<
  (directory: string | undefined) => Effect.Effect<SessionArchive["Service"], BackendError, Scope.Scope>
>("effect-voice/session/SessionArchive/Open", {
  defaultValue: () => () =>
    Effect.fail(
      new InvalidConfig({
        op: "SessionArchive.open",
        message: "retention: no SessionArchive service: provide one, or effect-voice/builtin",
        details: { missing: "retention.directory" }
      })
    )
})
