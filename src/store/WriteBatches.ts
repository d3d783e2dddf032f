/**
 * Which writes of sessions are sent to a database together. Pure.
 *
 * @since 0.1.0
 */

/**
 * A write of a session: all that counts here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Write {
  readonly lease: { readonly id: string }
  readonly change: { readonly head: string; readonly items: ReadonlyArray<string> }
}

/**
 * How many writes, and how many characters of JSON, one batch has at most. A write that is larger is a batch of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchLimits {
  readonly writes: number
  readonly characters: number
}

/**
 * Divides writes into batches that are sent one after another. The writes of one session are in different batches, in the
 * order in which they came.
 *
 * @category conversions
 * @since 0.1.0
 */
export const batchesOf = <A extends Write>(
  writes: Iterable<A>,
  limits: BatchLimits
): ReadonlyArray<ReadonlyArray<A>> => {
  const batches: Array<{ readonly writes: Array<A>; characters: number }> = []
  /** The first batch that the next write of a session may be in. */
  const next = new Map<string, number>()
  /** Those before are full. */
  let open = 0
  for (const write of writes) {
    const { id } = write.lease
    const characters = charactersOf(write)
    const hasRoom = (at: number) => {
      const batch = batches[at]
      return batch === undefined ||
        (batch.writes.length < limits.writes && batch.characters + characters <= limits.characters)
    }
    let at = Math.max(open, next.get(id) ?? 0)
    while (!hasRoom(at)) at++
    const batch = batches[at] ??= { writes: [], characters: 0 }
    batch.writes.push(write)
    batch.characters += characters
    next.set(id, at + 1)
    if (at === open && (batch.writes.length >= limits.writes || batch.characters >= limits.characters)) open++
  }
  return batches.map(({ writes }) => writes)
}

const charactersOf = ({ change: { head, items } }: Write): number =>
  items.reduce((sum, item) => sum + item.length, head.length)
