/**
 * Decides whether a process that records a session still runs.
 *
 * A process on this machine is asked for by its id. Of one on another machine only its signs of life are known: it renews
 * its manifests every few seconds. It counts as gone when this process has watched a manifest stay the same for three
 * minutes of its own monotonic time, so the clocks of the machines need not agree.
 *
 * @since 0.1.0
 */
import type * as ArchiveManifest from "./ArchiveManifest.ts"
import * as StoreOwner from "./StoreOwner.ts"

/** Twelve times the interval of the renewals. */
const SILENT_MS = 3 * 60_000

interface Sign {
  readonly owner: string
  readonly seenAt: number
  readonly sinceMs: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class ArchiveOwners {
  readonly #own: string
  readonly #nowMs: () => number
  /** The last signs of life of owners on other machines, by session. */
  readonly #signs = new Map<string, Sign>()

  /** `nowMs` is monotonic. */
  constructor(own: string, nowMs: () => number) {
    this.#own = own
    this.#nowMs = nowMs
  }

  /** Whether nobody records the session of this manifest any more. One of our own is asked for only when we do not record it. */
  isAbandoned({ owner, seenAt = 0, session }: ArchiveManifest.Manifest): boolean {
    if (owner === undefined || owner === this.#own || StoreOwner.hasExited(owner)) {
      this.#signs.delete(session)
      return true
    }
    if (StoreOwner.isHere(owner)) return false
    const last = this.#signs.get(session)
    if (last === undefined || last.owner !== owner || last.seenAt !== seenAt) {
      this.#signs.set(session, { owner, seenAt, sinceMs: this.#nowMs() })
      return false
    }
    return this.#nowMs() - last.sinceMs >= SILENT_MS
  }

  /** Forgets a session that is gone. */
  forget(session: string): void {
    this.#signs.delete(session)
  }
}
