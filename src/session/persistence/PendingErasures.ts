/**
 * Notes, outside the session store, which sessions have ended and are not erased from it yet, so that the next process can
 * erase them: the store may be away until this process has ended.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import type { SessionLease } from "./SessionStore.ts"

/**
 * What other processes have noted: the `leases` that their sessions had, and what could not be read, as sentences.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotedErasures {
  readonly leases: ReadonlyArray<SessionLease>
  readonly faults: ReadonlyArray<string>
}

/**
 * @category services
 * @since 0.1.0
 */
export class PendingErasures extends Context.Service<PendingErasures, {
  /** Where the notes are, for the log. */
  readonly where: string
  /** What other processes have noted; each note, and each fault, is given once. */
  readonly find: Effect.Effect<NotedErasures, BackendError>
  /** Replaces what this process has noted. */
  readonly note: (leases: ReadonlyArray<SessionLease>) => Effect.Effect<void, BackendError>
  /** A session that `find` gave is erased, or is not to be erased. */
  readonly settled: (id: string) => Effect.Effect<void, BackendError>
}>()("effect-voice/session/PendingErasures") {}
