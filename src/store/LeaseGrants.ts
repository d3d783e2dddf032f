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

  /** Forgets a lease that has ended. */
  end(lease: SessionLease): void {
    this.#grants.delete(lease)
  }

  /** Forgets all leases. */
  endAll(): void {
    this.#grants = new WeakMap()
  }
}

/**
 * What the store has of a session: the fence, and whether the owner who writes has it, another one or nobody.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredOwner {
  readonly fence: number
  readonly owner: "this" | "another" | "nobody"
}

/**
 * Reads the owner of a stored session: `null` or `""` is nobody.
 *
 * @category conversions
 * @since 0.1.0
 */
export const storedOwner = <Owner>(fence: number, owner: Owner | null | undefined, self: Owner): StoredOwner => ({
  fence,
  owner: owner === self ? "this" : owner === null || owner === undefined || owner === "" ? "nobody" : "another"
})

/**
 * What an owner may do to a session with a lease.
 *
 * - `held`: write; the store has the session with this lease.
 * - `restore`: store it again, as a whole: the session or its owner is gone, or the store has gone back to a time before this
 *   lease.
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
  if (stored?.owner === "this" && stored.fence === lease.fence) return "held"
  if (grant === undefined) return "fenced"
  if (stored === undefined || stored.fence < lease.fence) return "restore"
  return stored.owner === "nobody" && stored.fence === lease.fence ? "restore" : "fenced"
}
