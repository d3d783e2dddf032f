/** Tests that every session store must pass: the suite of applications, and what a backend makes of a store that loses data. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeSessionLeases } from "../../src/backend/sessions/makeSessionLeases.ts"
import { type BackendError, ConnectionFailed } from "../../src/BackendError.ts"
import { PendingErasures } from "../../src/session/persistence/PendingErasures.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PendingErasureFiles from "../../src/store/PendingErasureFiles.ts"
import * as Conformance from "../../src/testing/conformance/Conformance.ts"
import * as Parts from "../contract/Parts.ts"
import { seeded } from "../recovery/seeded.ts"
import * as LossModel from "./LossModel.ts"
import type { Damage } from "./StoreDamage.ts"

type Store = SessionStore["Service"]

export interface Harness {
  /** A new owner on the same store; leases last `LEASE_MS`. */
  readonly owner: Effect.Effect<Store, BackendError, Scope.Scope>
  /** Advances the store's clock. */
  readonly pass: (ms: number) => Effect.Effect<void>
  readonly damage: Damage
}

export const LEASE_MS = 1_000

let ids = 0
const newId = () => `ses_${process.pid}_${++ids}_${Math.trunc(performance.now())}`

const pick = <A>(values: ReadonlyArray<A>, random: () => number): A => values[Math.floor(random() * values.length)]!
interface Options {
  /** Whether it knows how many items there should be. */
  readonly countsItems?: boolean
  /** How many stories of how many steps are played, and how long an owner has to give back what was lost. */
  readonly model?: { readonly rounds: number; readonly steps: number; readonly settleMs: number }
}

/** Declares the tests; `make` makes a new harness for each of them. */
export const tests = (
  make: Effect.Effect<Harness, unknown, Scope.Scope>,
  run: "effect" | "live",
  options: Options = {}
): void => {
  const test = (says: string, body: (harness: Harness) => Effect.Effect<void, unknown, Scope.Scope>) =>
    it[run](says, () => Effect.scoped(Effect.flatMap(make, body)), 180_000)

  const { countsItems } = options
  Parts.each(Conformance.sessionStore({
    name: "store",
    open: Effect.orDie(make),
    leaseMs: LEASE_MS,
    countsItems,
    provideTime: run === "effect" ? Effect.provide(TestClock.layer()) : undefined
  }))

  test("erases, with the next process, what ended while it was away until the process had ended, too", ({ damage, owner, pass }) =>
    Effect.gen(function*() {
      const directory = mkdtempSync(join(tmpdir(), "effect-voice-ended-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
      const away = Effect.fail(new ConnectionFailed({ op: "test", message: "the store is away" }))
      /** A process, and what takes its store away. */
      const start = Effect.gen(function*() {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const inner = yield* Scope.provide(owner, scope)
        let isAway = false
        const guard = <A>(effect: Effect.Effect<A, BackendError>) => Effect.suspend(() => isAway ? away : effect)
        const store = SessionStore.of({
          ...inner,
          claim: (id) => guard(inner.claim(id)),
          releaseAll: guard(inner.releaseAll),
          remove: (lease) => guard(inner.remove(lease)),
          renew: guard(inner.renew)
        })
        const leases = yield* makeSessionLeases.pipe(
          Effect.provideService(SessionStore, store),
          Effect.provideService(PendingErasures, PendingErasureFiles.make(directory)),
          Scope.provide(scope)
        )
        const setAway = (away: boolean) => {
          isAway = away
        }
        return { leases, setAway, exit: Scope.close(scope, Exit.void) }
      })
      const [a, other] = [yield* start, yield* start]
      const [ended, left] = [newId(), newId()]
      for (const id of [ended, left]) {
        yield* a.leases.begin(id, { head: "{}", items: [] }, Duration.minutes(10))
      }
      a.setAway(true)
      yield* a.leases.end(ended)
      yield* a.exit
      yield* pass(LEASE_MS + 100)
      // another process that runs, and one that is started while the store is away
      other.setAway(true)
      assert.strictEqual((yield* Effect.flip(other.leases.claim(ended))).code, "session_not_found")
      other.setAway(false)
      const b = yield* start
      assert.strictEqual((yield* Effect.flip(b.leases.claim(ended))).code, "session_not_found")
      // the one that did not end can be resumed, if it can be read
      assert.strictEqual((yield* Effect.flip(b.leases.claim(left))).code, "pipeline_error")
      for (let i = 0; i < 12 && (yield* damage.count) > 1; i++) yield* pass(LEASE_MS / 2)
      assert.strictEqual(yield* damage.count, 1)
      assert.strictEqual((yield* (yield* owner).claim(ended))._tag, "Unknown")
      yield* Effect.andThen(other.exit, b.exit)
      assert.deepStrictEqual(readdirSync(directory), [])
    }))

  stories(make, run, options)
}

/** Plays stories of losses: random ones, always the same. */
export const stories = (
  make: Effect.Effect<Harness, unknown, Scope.Scope>,
  run: "effect" | "live",
  { countsItems, model: { rounds, settleMs, steps } = { rounds: 1, settleMs: 4_000, steps: 12 } }: Options = {}
): void => {
  const partial: ReadonlySet<LossModel.Step> = new Set<LossModel.Step>(["lose an item", "add an item"])
  const possible = LossModel.steps.filter((step) => countsItems !== false || !partial.has(step))
  const play = Effect.fnUntraced(function*(harness: Harness, round: number) {
    const seed = `${process.env["LOSS_SEED"] ?? "losses"} ${round}`
    const random = seeded(seed)
    const script = Array.from({ length: steps }, () => pick(possible, random))
    yield* LossModel.run(harness, newId(), script, settleMs).pipe(
      Effect.scoped,
      Effect.tapCause(() => Effect.sync(() => process.stderr.write(`seed "${seed}": ${script.join(", ")}\n`)))
    )
    yield* harness.damage.loseAll
  })
  it[run](
    `loses nothing that an owner holds, in stories of losses, older copies, outages and hand-overs (${rounds})`,
    () =>
      Effect.scoped(
        Effect.flatMap(make, (harness) =>
          Effect.forEach(
            Array.from({ length: rounds }, (_, round) => round),
            (round) => play(harness, round)
          ))
      ),
    180_000 + rounds * 60_000
  )
}
