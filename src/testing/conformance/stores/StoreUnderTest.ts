/**
 * What an application supplies to have its session store tested, and ways to make its rows.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendError } from "../../../BackendError.ts"
import type { Claim, SessionLease, SessionStore } from "../../../session/persistence/SessionStore.ts"
import { fail, type Failure } from "../Assertions.ts"
import * as Case from "../Case.ts"
import type { PartHarness, PartRow } from "../PartSuite.ts"

type Store = SessionStore["Service"]

/**
 * The leases of owners, as a test sets them.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnerLeases {
  /** Sets an owner's lease: it was renewed since `forMs` ago without a gap, and ended `agoMs` ago (negative: is to end). */
  readonly set: (owner: string, lease: { readonly forMs: number; readonly agoMs: number }) => Effect.Effect<void>
  /** Loses an owner's lease. */
  readonly lose: (owner: string) => Effect.Effect<void>
  readonly all: Effect.Effect<ReadonlyArray<string>>
}

/**
 * Ways in which the store loses what was written, behind its back: emptied, a part of it gone, or set back to an older copy.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreDamage {
  /** Everything: sessions, owners and secrets. */
  readonly loseAll: Effect.Effect<void>
  /** A session with its items. */
  readonly loseSession: (id: string) => Effect.Effect<void>
  /** All items, or that of index `n` alone. */
  readonly loseItems: (id: string, n?: number) => Effect.Effect<void>
  /** The head of a session: its items stay. */
  readonly loseHead: (id: string) => Effect.Effect<void>
  /** Who has a session. */
  readonly loseOwner: (id: string) => Effect.Effect<void>
  /** Adds an item that does not belong to the session. */
  readonly addItem: (id: string, json: string) => Effect.Effect<void>
  /** Takes a copy of everything; the result sets the store back to it. */
  readonly copy: Effect.Effect<Effect.Effect<void>>
  /** How many sessions are stored. */
  readonly count: Effect.Effect<number>
  /** Leases of owners; `undefined`: this store cannot be given any. */
  readonly owners?: OwnerLeases | undefined
}

/**
 * A store that is new and empty.
 *
 * - `owner`: makes a new owner on it, whose leases last `leaseMs`.
 * - `pass`: lets time pass for the store: `TestClock.adjust`, or a sleep where it has a clock of its own.
 * - `damage`: ways to damage what it holds. Default: the rows about losses are skipped.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreUnderTest {
  readonly owner: Effect.Effect<Store, BackendError, Scope.Scope>
  /** Lets so many ms pass for the store. */
  readonly pass: (ms: number) => Effect.Effect<void>
  readonly damage?: StoreDamage | undefined
}

/**
 * The session store under test. `open` makes a new and empty one for each case. `leaseMs`: how long a lease of its owners
 * lasts; 1,000 is good where time is real. `countsItems: false`: it does not know how many items there should be.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionStoreHarness extends PartHarness {
  readonly open: Effect.Effect<StoreUnderTest, BackendError, Scope.Scope>
  readonly leaseMs: number
  /** Whether it notices items that are missing, or do not belong to a session. Default: true. */
  readonly countsItems?: boolean | undefined
}

/**
 * What the check of a row has.
 *
 * @category models
 * @since 0.1.0
 */
export interface StorePart extends StoreUnderTest {
  readonly leaseMs: number
  readonly countsItems: boolean
  /** A session id that was not used before. */
  readonly newId: () => string
}

/**
 * A row of the suite.
 *
 * @category models
 * @since 0.1.0
 */
export type StoreRow = PartRow<StorePart>

type Check<Part> = (part: Part) => Effect.Effect<Case.Skipped | void, Failure, Scope.Scope>

/**
 * Makes a row.
 *
 * @category constructors
 * @since 0.1.0
 */
export const row = (id: string, title: string, check: Check<StorePart>): StoreRow => ({ id, title, check })

/**
 * Makes a row that damages the store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const damaging = (
  id: string,
  title: string,
  check: Check<StorePart & { readonly damage: StoreDamage }>
): StoreRow => ({
  id,
  title,
  check: (part) =>
    part.damage === undefined
      ? Case.skip("the harness has no way to damage the store")
      : check({ ...part, damage: part.damage })
})

/**
 * Makes a row that sets the leases of owners.
 *
 * @category constructors
 * @since 0.1.0
 */
export const leasing = (
  id: string,
  title: string,
  check: Check<StorePart & { readonly leases: OwnerLeases }>
): StoreRow => ({
  id,
  title,
  check: (part) =>
    part.damage?.owners === undefined
      ? Case.skip("the harness has no way to set the leases of owners")
      : check({ ...part, leases: part.damage.owners })
})

/**
 * An empty session.
 *
 * @category constants
 * @since 0.1.0
 */
export const empty = { head: "{}", items: [] } as const

/**
 * Makes two owners of the store.
 *
 * @category accessors
 * @since 0.1.0
 */
export const two = ({ owner }: Pick<StoreUnderTest, "owner">) => Effect.all([owner, owner])

/**
 * Writes items from an index on; returns `written`, or the reason why it was refused.
 *
 * @category running
 * @since 0.1.0
 */
export const write = (
  store: Store,
  lease: SessionLease,
  from: number,
  ...items: ReadonlyArray<string>
): Effect.Effect<unknown> =>
  Effect.match(store.write(lease, { head: "{}", from, items }), {
    onFailure: ({ code, details }) => details?.["reason"] ?? code,
    onSuccess: () => "written"
  })

/**
 * Claims a session, which must be there and free.
 *
 * @category running
 * @since 0.1.0
 */
export const claimed = (store: Store, id: string) =>
  Effect.flatMap(
    store.claim(id),
    (claim): Effect.Effect<Extract<Claim, { readonly _tag: "Claimed" }>, Failure> =>
      claim._tag === "Claimed"
        ? Effect.succeed(claim)
        : fail(`claiming a session that is free: expected Claimed, found ${claim._tag}`)
  )

/**
 * The tag of a claim.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tagOf = (store: Store, id: string) => Effect.map(store.claim(id), ({ _tag }) => _tag)
