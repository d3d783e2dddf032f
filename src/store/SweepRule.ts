/**
 * When a stored session is abandoned. The same for all stores; pure.
 *
 * A process that cannot reach the store may still be talking to its users. So the resume window of a session begins when its
 * owner lets it go, or when the owner's process is known to have ended. An owner that only does not renew its lease has
 * `ABSENCE_MS` more, and only time counts in which the store could be reached.
 *
 * @since 0.1.0
 */

/**
 * How long an owner may be away that did not let its sessions go, besides their resume windows: 10 min. Its sessions can be
 * taken over all the time; its calls go on, and are stored again if it comes back later.
 *
 * @category constants
 * @since 0.1.0
 */
export const ABSENCE_MS = 600_000

/**
 * Owners that have no session and have not renewed their lease for so long are forgotten: 1 min.
 *
 * @category constants
 * @since 0.1.0
 */
export const FORGET_MS = 60_000

/**
 * A stored session, in the store's own time. `endMs`: when its owner's lease ended, or, without an owner, when it was let go.
 *
 * @category models
 * @since 0.1.0
 */
export interface SweepCandidate {
  readonly owner: string | undefined
  readonly endMs: number
  readonly windowMs: number
}

/**
 * - `upSinceMs`: since when the store could be reached: the earliest time from which on an owner has kept its lease until now.
 *   `undefined`: no owner has a lease now.
 * - `hasExited`: whether the process of an owner is known to have ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface SweepTime {
  readonly nowMs: number
  readonly upSinceMs: number | undefined
  /** Whether the process of an owner is known to have ended. */
  readonly hasExited: (owner: string) => boolean
}

/**
 * Whether a session is abandoned: nobody has come back to it within its resume window, and its owner does not have it.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAbandoned = (
  { endMs, owner, windowMs }: SweepCandidate,
  { hasExited, nowMs, upSinceMs }: SweepTime
): boolean => {
  if (endMs + windowMs > nowMs) return false
  if (owner === undefined || hasExited(owner)) return true
  return upSinceMs !== undefined && Math.max(endMs, upSinceMs) + windowMs + ABSENCE_MS <= nowMs
}
