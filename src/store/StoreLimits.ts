/**
 * Limits and errors that all session stores share.
 *
 * @since 0.1.0
 */
import { InvalidConfig, SessionNotFound } from "../BackendError.ts"
import type { StoredSession } from "../session/persistence/SessionStore.ts"

/**
 * The largest head of a stored session, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HEAD_BYTES = 256 * 1024

/**
 * The largest history item, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_ITEM_BYTES = 64 * 1024

/**
 * The default length of a lease, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const LEASE_MS = 5_000

const tooLarge = (op: string, what: string, limit: number) =>
  new InvalidConfig({
    op,
    message: `${what} of the session snapshot is larger than ${limit} bytes`,
    details: { reason: "too_large", limit }
  })

/**
 * Returns an error if the head or an item is too large.
 *
 * @category checks
 * @since 0.1.0
 */
export const sizeFault = (op: string, { head, items }: StoredSession): InvalidConfig | undefined =>
  Buffer.byteLength(head) > MAX_HEAD_BYTES
    ? tooLarge(op, "the head", MAX_HEAD_BYTES)
    : items.some((item) => Buffer.byteLength(item) > MAX_ITEM_BYTES)
    ? tooLarge(op, "a history item", MAX_ITEM_BYTES)
    : undefined

/**
 * @category errors
 * @since 0.1.0
 */
export const sessionExists = () =>
  new InvalidConfig({ op: "SessionStore.create", message: "a session with this id exists already" })

/**
 * @category errors
 * @since 0.1.0
 */
export const leaseLost = () =>
  new SessionNotFound({
    op: "SessionStore.write",
    message: "session lease lost: the session was taken over, released or erased",
    details: { reason: "fenced" }
  })

/**
 * @category errors
 * @since 0.1.0
 */
export const nonContiguousItems = () =>
  new InvalidConfig({
    op: "SessionStore.write",
    message: "non-contiguous history items: `from` must be at most the number of stored items",
    details: { reason: "gap" }
  })
