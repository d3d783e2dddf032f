/**
 * Where what is kept of sessions beyond their lives is: recordings, transcripts, metadata, events.
 *
 * A session's data is begun once and then written to. What was erased meanwhile, by whomever, is not begun again by a
 * later write: the write says so, and the session keeps nothing any more.
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
 * One file that is kept; times are Unix time in ms.
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
 * Provide this service to keep data. `effect-voice/builtin` opens a directory when a config asks for it.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionArchive extends Context.Service<SessionArchive, {
  /** Begins, or goes on, to keep these kinds of a session's data; since when (Unix time in ms) it has been kept. */
  readonly begin: (entry: {
    readonly session: string
    readonly userId: string
    readonly periods: Periods
  }) => Effect.Effect<number, BackendError>
  /** Replaces one kind of data; `false` when it is not kept any more. */
  readonly write: (session: string, dataType: DataType, content: string) => Effect.Effect<boolean, BackendError>
  /**
   * Writes into one kind of data, at a position in bytes or at its end; `false` when it is not kept any more. What is
   * skipped reads as zeros.
   */
  readonly append: (
    session: string,
    dataType: DataType,
    content: Uint8Array,
    at?: number
  ) => Effect.Effect<boolean, BackendError>
  /** The session has ended: its recording gets its length, and the periods begin to run. */
  readonly finish: (session: string, periods: Periods) => Effect.Effect<void, BackendError>
  /** What is kept of a session. */
  readonly list: (session: string) => Effect.Effect<ReadonlyArray<ArchivedSession>, BackendError>
  /** Erases all that is kept of a session; how many folders went. */
  readonly erase: (session: string) => Effect.Effect<number, BackendError>
  /** Erases all that is kept of a user; how many sessions went. */
  readonly eraseUser: (userId: string) => Effect.Effect<number, BackendError>
  /** Deletes what has expired, and gives what a crash left unfinished its length; how many files went. */
  readonly sweep: Effect.Effect<number, BackendError>
}>()("effect-voice/session/SessionArchive") {}

/**
 * Opens the archive of a config in a directory, or where the user's state is. `effect-voice/builtin` provides it.
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
        message: "retention: there is nobody to open the archive: provide effect-voice/builtin, or SessionArchive",
        details: { missing: "retention.directory" }
      })
    )
})
