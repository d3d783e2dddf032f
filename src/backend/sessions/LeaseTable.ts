/**
 * The leases that a backend holds and those that it has given up, to be compared with what the store has. Synchronous.
 *
 * @since 0.1.0
 */
import type { OwnedSession, SessionLease } from "../../session/persistence/SessionStore.ts"

/** How many sessions are remembered that have ended, could not be taken or could not be resumed. */
const MAX_REMEMBERED = 10_000

/**
 * What a session that is stored is told; synchronous.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoredListener {
  /** The store has lost what was written of it. */
  readonly saveAgain: () => void
  /** Another process has it. */
  readonly takenOver: () => void
}

/**
 * A lease that is held.
 *
 * @category models
 * @since 0.1.0
 */
export class HeldLease {
  readonly lease: SessionLease
  listener: StoredListener | undefined
  /** How many items were written. */
  items: number
  /** Whether what was stored has been found to be lost, or a part of it, and is not stored again yet. */
  isDamaged = false
  /** Writes that were begun, and those of them that have ended. */
  begun = 0
  ended = 0

  constructor(lease: SessionLease, items: number) {
    this.lease = lease
    this.items = items
  }

  /** A write has ended: so many items are stored, if it succeeded. */
  written(items: number | undefined): void {
    this.ended++
    if (items !== undefined) this.items = items
  }
}

/** What was held when the store was asked. */
interface Marks {
  readonly held: ReadonlyMap<string, { readonly held: HeldLease; readonly begun: number }>
  readonly failures: number
}

/**
 * What to do with a session that the store has and nobody here holds.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "remove" | "release"

/** A map that forgets its oldest entries. */
class RecentMap<A> {
  readonly #entries = new Map<string, A>()

  get(key: string): A | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: A): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_REMEMBERED && oldest !== undefined) this.#entries.delete(oldest)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  values(): ReadonlyArray<A> {
    return Array.from(this.#entries.values())
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class LeaseTable {
  readonly #held = new Map<string, HeldLease>()
  /** Requests for a lease that have no answer yet. */
  readonly #asked = new Map<string, number>()
  /** Leases of sessions that have ended and are not erased yet. */
  readonly #waiting = new RecentMap<SessionLease>()
  /** Sessions that ended in processes that could not erase them, and since when this one knows it. */
  readonly #former = new RecentMap<{ readonly lease: SessionLease; readonly sinceMs: number }>()
  readonly #outcomes = new RecentMap<Outcome>()
  readonly #refused = new RecentMap<true>()
  /** Requests that have failed, and how many of them there were when the store was last compared. */
  #failures = 0
  #judged = 0

  /** Whether there is nothing that the store could have. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#asked.size === 0 && !this.isDoubtful
  }

  /** Whether a request has failed that the store may have carried out. */
  get isDoubtful(): boolean {
    return this.#failures !== this.#judged
  }

  /** Leases of sessions that have ended and are not erased yet. */
  get waiting(): ReadonlyArray<SessionLease> {
    return this.#waiting.values()
  }

  /** A request for a lease begins. */
  begin(id: string): void {
    this.#asked.set(id, (this.#asked.get(id) ?? 0) + 1)
  }

  /** A request for a lease has been answered. */
  settled(id: string): void {
    const more = (this.#asked.get(id) ?? 1) - 1
    if (more > 0) this.#asked.set(id, more)
    else this.#asked.delete(id)
  }

  /** A request for a lease has failed, perhaps after the store had carried it out. */
  failed(id: string, outcome: Outcome): void {
    this.settled(id)
    this.#outcomes.set(id, outcome)
    this.#failures++
  }

  hold(lease: SessionLease, items: number): void {
    this.#outcomes.delete(lease.id)
    this.#held.set(lease.id, new HeldLease(lease, items))
  }

  watch(id: string, listener: StoredListener): void {
    const held = this.#held.get(id)
    if (held !== undefined) held.listener = listener
  }

  /** A write begins; `undefined` if there is no lease. */
  writing(id: string): HeldLease | undefined {
    const held = this.#held.get(id)
    if (held !== undefined) held.begun++
    return held
  }

  /** Gives a lease up. */
  drop(id: string, outcome: Outcome): SessionLease | undefined {
    const held = this.#held.get(id)
    this.#held.delete(id)
    if (held !== undefined) this.#outcomes.set(id, outcome)
    return held?.lease
  }

  /** Gives up the lease of a session that has ended, until it is `erased`. */
  end(id: string): SessionLease | undefined {
    const lease = this.drop(id, "remove")
    if (lease !== undefined) this.#waiting.set(id, lease)
    return lease
  }

  /** Notes a lease that was taken of a session that has ended, until it is `erased`. */
  await(lease: SessionLease): void {
    this.#outcomes.delete(lease.id)
    this.#waiting.set(lease.id, lease)
  }

  erased({ id }: SessionLease): void {
    this.#waiting.delete(id)
  }

  /** Whether the lease of a session that has ended is known, and it is not erased yet. */
  isWaiting(id: string): boolean {
    return this.#waiting.get(id) !== undefined
  }

  /** Whether a session has ended, here or in another process, and is not erased yet. */
  hasEnded(id: string): boolean {
    return this.isWaiting(id) || this.#former.get(id) !== undefined
  }

  /** How many sessions have ended and are not erased yet. */
  get unerased(): number {
    return new Set([...this.waiting, ...this.former].map(({ id }) => id)).size
  }

  /** The leases of sessions that ended in other processes. */
  get former(): ReadonlyArray<SessionLease> {
    return this.#former.values().map(({ lease }) => lease)
  }

  /** Notes a session that has ended in another process; `false` when nothing is to be done, or it is known. */
  noteFormer(lease: SessionLease, nowMs: number): boolean {
    const known = this.#former.get(lease.id)
    // one that is held goes on here, with a newer lease
    if (this.#held.has(lease.id) || (known !== undefined && known.lease.fence >= lease.fence)) return false
    this.#former.set(lease.id, { lease, sinceMs: nowMs })
    return known === undefined
  }

  /** Since when this process knows that a session has ended in another. */
  formerSinceMs(id: string): number {
    return this.#former.get(id)?.sinceMs ?? Number.POSITIVE_INFINITY
  }

  settleFormer(id: string): void {
    this.#former.delete(id)
  }

  /** Whether it is the first time that this session cannot be resumed. */
  noteRefused(id: string): boolean {
    const isFirst = this.#refused.get(id) === undefined
    this.#refused.set(id, true)
    return isFirst
  }

  /** The leases that are held now. */
  get held(): ReadonlyArray<HeldLease> {
    return Array.from(this.#held.values())
  }

  /** To be taken before the store is asked what it has. */
  marks(): Marks {
    const held = new Map(Array.from(this.#held, ([id, held]) => [id, { held, begun: held.begun }]))
    return { held, failures: this.#failures }
  }

  /**
   * Compares what the store has with what is held: `damaged` are held and not, or not wholly, stored; nobody here holds the
   * `strays`. A session that was written meanwhile is not judged.
   */
  compare(marks: Marks, owned: ReadonlyArray<OwnedSession>): {
    readonly damaged: ReadonlyArray<HeldLease>
    readonly strays: ReadonlyArray<{ readonly lease: SessionLease; readonly outcome: Outcome }>
  } {
    this.#judged = marks.failures
    const stored = new Map(owned.map((each) => [each.id, each]))
    const damaged = Array.from(marks.held).flatMap(([id, { begun, held }]) => {
      if (this.#held.get(id) !== held || held.begun !== begun || held.ended !== begun) return []
      const there = stored.get(id)
      if (there?.fence === held.lease.fence && there.items === held.items) return []
      held.isDamaged = true
      return [held]
    })
    const strays = owned.flatMap(({ fence, id }) =>
      marks.held.has(id) || this.#held.has(id) || this.#asked.has(id) || this.isWaiting(id)
        ? []
        : [{ lease: { id, fence }, outcome: this.#outcomeOf(id, fence) }]
    )
    return { damaged, strays }
  }

  #outcomeOf(id: string, fence: number): Outcome {
    // taken over to be erased
    return this.#former.get(id)?.lease.fence === fence - 1 ? "remove" : this.#outcomes.get(id) ?? "release"
  }
}
