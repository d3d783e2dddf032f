/**
 * What an owner knows of the leases that its store gave it: enough to store a session again that the store has lost, and to
 * give a claim back. Pure.
 *
 * @since 0.1.0
 */
import type { SessionLease } from "../session/persistence/SessionStore.ts"

/**
 * - `windowMs`: the session's resume window.
 * - `formerUntil`: when the lease before this one ended, in the store's own time.
 *
 * @category models
 * @since 0.1.0
 */
export interface LeaseGrant<Until> {
  readonly windowMs: number
  readonly formerUntil: Until
}

/**
 * The grants of the leases that have not ended.
 *
 * @category models
 * @since 0.1.0
 */
export class LeaseGrants<Until> {
  #grants = new WeakMap<SessionLease, LeaseGrant<Until>>()

  /** Notes a lease, and returns it. */
  add(lease: SessionLease, grant: LeaseGrant<Until>): SessionLease {
    this.#grants.set(lease, grant)
    return lease
  }

  /** The grant of a lease; `undefined` once it was released, given back or removed. */
  of(lease: SessionLease): LeaseGrant<Until> | undefined {
    return this.#grants.get(lease)
  }

  end(lease: SessionLease): void {
    this.#grants.delete(lease)
  }

  endAll(): void {
    this.#grants = new WeakMap()
  }
}

/**
 * What the store has of a session: the fence, and whether the owner who writes has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredOwner {
  readonly fence: number
  readonly own: boolean
}

/**
 * What an owner may do to a session with a lease.
 *
 * - `held`: write; the store has the session with this lease.
 * - `restore`: store it again, as a whole: the session is gone, or the store has gone back to a time before this lease.
 * - `fenced`: nothing: another owner has it, or the lease has ended.
 *
 * A lease that is newer than the store's is the rightful one: fences only grow while the store loses nothing.
 *
 * @category accessors
 * @since 0.1.0
 */
export const writeRight = (
  lease: SessionLease,
  grant: LeaseGrant<unknown> | undefined,
  stored: StoredOwner | undefined
): "held" | "restore" | "fenced" => {
  if (stored?.own === true && stored.fence === lease.fence) return "held"
  if (grant === undefined) return "fenced"
  return stored === undefined || stored.fence < lease.fence ? "restore" : "fenced"
}
