/**
 * What a store takes: bounds that all of them share, and the errors that they give alike.
 *
 * @since 0.1.0
 */
import { ConnectionFailed, InvalidConfig, SessionNotFound } from "../BackendError.ts"
import type { StoredSession } from "../session/persistence/SessionStore.ts"

/**
 * The longest head of a kept session, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_HEAD_BYTES = 256 * 1024

/**
 * The longest item, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_ITEM_BYTES = 64 * 1024

/**
 * How long a lease lasts by default, in ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const LEASE_MS = 5_000

const tooLarge = (op: string, what: string, limit: number) =>
  new InvalidConfig({
    op,
    message: `${what} of a kept session is longer than ${limit} bytes`,
    details: { reason: "too_large", limit }
  })

/**
 * The fault of what is too large to be kept, if it is.
 *
 * @category checks
 * @since 0.1.0
 */
export const sizeFault = (op: string, { head, items }: StoredSession): InvalidConfig | undefined =>
  Buffer.byteLength(head) > MAX_HEAD_BYTES
    ? tooLarge(op, "the head", MAX_HEAD_BYTES)
    : items.some((item) => Buffer.byteLength(item) > MAX_ITEM_BYTES)
    ? tooLarge(op, "an item", MAX_ITEM_BYTES)
    : undefined

/**
 * @category errors
 * @since 0.1.0
 */
export const sessionExists = () =>
  new InvalidConfig({ op: "SessionStore.create", message: "a session of this id is kept already" })

/**
 * @category errors
 * @since 0.1.0
 */
export const leaseLost = () =>
  new SessionNotFound({
    op: "SessionStore.write",
    message: "the session has been taken over, let go of or erased",
    details: { reason: "fenced" }
  })

/**
 * @category errors
 * @since 0.1.0
 */
export const nonContiguousItems = () =>
  new InvalidConfig({
    op: "SessionStore.write",
    message: "expected items that follow on those that are kept",
    details: { reason: "gap" }
  })

/**
 * A store that cannot be reached or does not answer. The driver's own error stays behind: it may hold what was kept.
 *
 * @category errors
 * @since 0.1.0
 */
export const unreachable = (op: string, store: string, why: string) =>
  new ConnectionFailed({ op, message: `the session store ${store} ${why}`, details: { part: "store", store } })
