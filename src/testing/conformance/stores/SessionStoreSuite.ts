/**
 * The suite of session stores: what `SessionStore` promises.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Case } from "../Case.ts"
import * as PartSuite from "../PartSuite.ts"
import * as AnsweringStore from "./AnsweringStore.ts"
import * as ContentRows from "./ContentRows.ts"
import * as LossRows from "./LossRows.ts"
import * as OwnershipRows from "./OwnershipRows.ts"
import type { SessionStoreHarness } from "./StoreUnderTest.ts"

export type { OwnerLeases, SessionStoreHarness, StoreDamage, StoreUnderTest } from "./StoreUnderTest.ts"

/**
 * Makes the cases for a session store: fences, leases, claims, sweeps, sizes, concurrency, and what its owner gives back after
 * losses. With virtual time, time stands still but for `pass`: `provideTime` is `Effect.provide(TestClock.layer())`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sessionStore = (harness: SessionStoreHarness): ReadonlyArray<Case> =>
  PartSuite.cases(
    harness,
    [...ContentRows.rows, ...OwnershipRows.rows, ...LossRows.rows],
    Effect.map(harness.open, (store) => {
      let ids = 0
      return {
        ...store,
        owner: Effect.map(store.owner, (owner) => AnsweringStore.make(owner, harness.deadline)),
        leaseMs: harness.leaseMs,
        countsItems: harness.countsItems ?? true,
        newId: () => `ses_conformance_${++ids}`
      }
    })
  )
