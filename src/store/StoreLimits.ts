/**
 * Limits and errors that all session stores share.
 *
 * @since 0.1.0
 */
import { InvalidConfig, SessionNotFound } from "../BackendError.ts"
import {
  MAX_HEAD_BYTES,
  MAX_ITEM_BYTES,
  MAX_SECRETS,
  type SnapshotDamage,
  type StoredSession
} from "../session/persistence/SessionStore.ts"

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
 * Reads a stored session: of the items (in the order of `n`, from 0) those that belong to it, and what is wrong with them.
 * `count` is how many there should be.
 *
 * @category conversions
 * @since 0.1.0
 */
export const snapshotOf = (
  head: string,
  count: number,
  stored: ReadonlyArray<{ readonly n: number; readonly json: string }>
): { readonly snapshot: StoredSession; readonly damage?: SnapshotDamage } => {
  const items = stored.flatMap(({ json, n }) => n < count ? [json] : [])
  const [missing, surplus] = [Math.max(0, count - items.length), stored.length - items.length]
  return { snapshot: { head, items }, ...(missing + surplus === 0 ? {} : { damage: { missing, surplus } }) }
}

/**
 * The names under which the secrets of one name are stored, in their order.
 *
 * @category conversions
 * @since 0.1.0
 */
export const secretSlots = (name: string): ReadonlyArray<string> =>
  Array.from({ length: MAX_SECRETS }, (_, i) => i === 0 ? name : `${name}.${i + 1}`)

/**
 * @category conversions
 * @since 0.1.0
 */
export const secretsInOrder = <Row extends { readonly name: string }>(
  slots: ReadonlyArray<string>,
  rows: ReadonlyArray<Row>
): ReadonlyArray<Row> => rows.toSorted((one, other) => slots.indexOf(one.name) - slots.indexOf(other.name))

/**
 * @category errors
 * @since 0.1.0
 */
export const sessionExists = () =>
  new InvalidConfig({
    op: "SessionStore.create",
    message: "a session with this id exists already",
    details: { reason: "session_exists" }
  })

/**
 * @category errors
 * @since 0.1.0
 */
export const leaseLost = () =>
  new SessionNotFound({
    op: "SessionStore.write",
    message: "session lease lost: the session was taken over, or the lease was released",
    details: { reason: "fenced" }
  })

/**
 * @category errors
 * @since 0.1.0
 */
export const nonContiguousItems = () =>
  new InvalidConfig({
    op: "SessionStore.write",
    message: "non-contiguous history items: not all of those before `from` are stored",
    details: { reason: "gap" }
  })
