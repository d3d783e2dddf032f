/**
 * A model of one session on a store that loses data: any order of things said, losses, older copies, outages and hand-overs.
 * Whatever happened, a process that takes the session over has all that its former owner held.
 */
import { assert } from "@effect/vitest"
import { Duration, Effect, Exit, Scope } from "effect"
import { makeSessionLeases } from "../../src/backend/sessions/makeSessionLeases.ts"
import { type BackendError, ConnectionFailed } from "../../src/BackendError.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { initial } from "../../src/conversation/ConversationState.ts"
import type { HistoryItem } from "../../src/conversation/History.ts"
import * as SessionSnapshot from "../../src/session/persistence/SessionSnapshot.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as SnapshotWriter from "../../src/session/persistence/SnapshotWriter.ts"
import type { Harness } from "./StoreContract.ts"

export const steps = [
  "say",
  "say",
  "withdraw",
  "lose everything",
  "lose the session",
  "lose an item",
  "lose the items",
  "lose the head",
  "lose the owner",
  "add an item",
  "copy",
  "set back",
  "go away",
  "come back",
  "wait",
  "hand over"
] as const
export type Step = typeof steps[number]

const away = new ConnectionFailed({ op: "test", message: "the store is away" })

const encodeHead = SessionSnapshot.makeHeadEncoder(() => ({
  userId: "u",
  transport: "websocket",
  metadata: {},
  policy: defaultPolicy,
  createdAtMs: 0
}))
const headOf = (history: ReadonlyArray<HistoryItem>) =>
  encodeHead(
    SessionSnapshot.progressOf(initial(history), { attached: true, seq: 0, heard: undefined, planned: [] }),
    history.length
  )

/** A process: the leases of a backend, and what it holds of the session. */
const start = Effect.fnUntraced(function*(harness: Harness, name: string) {
  const scope = yield* Scope.make()
  const inner = yield* Scope.provide(harness.owner, scope)
  const state = { isAway: false, isDead: false, takenOver: false, history: [] as ReadonlyArray<HistoryItem> }
  const guard = <A>(effect: Effect.Effect<A, BackendError>) =>
    Effect.suspend(() => state.isAway || state.isDead ? Effect.fail(away) : effect)
  const store = SessionStore.of({
    ...inner,
    create: (...given) => guard(inner.create(...given)),
    write: (...given) => guard(inner.write(...given)),
    claim: (id) => guard(inner.claim(id)),
    undoClaim: (lease) => guard(inner.undoClaim(lease)),
    renew: guard(inner.renew),
    listOwned: guard(inner.listOwned),
    releaseLease: (lease) => guard(inner.releaseLease(lease)),
    releaseAll: guard(inner.releaseAll),
    remove: (lease) => guard(inner.remove(lease)),
    sweep: guard(inner.sweep),
    secret: (...given) => guard(inner.secret(...given)),
    shareSecrets: (...given) => guard(inner.shareSecrets(...given))
  })
  const leases = yield* makeSessionLeases.pipe(
    Effect.provideService(SessionStore, store),
    Scope.provide(scope)
  )
  const secret = yield* leases.sharedSecret("key", name)
  let writer: SnapshotWriter.SnapshotWriter | undefined
  const serve = Effect.fnUntraced(function*(id: string) {
    writer = yield* SnapshotWriter.make({
      write: (change) => leases.write(id, change),
      read: () => ({ head: headOf(state.history), history: state.history, seq: 0, speaking: false }),
      stored: state.history,
      onSaved: () => {},
      onTooLarge: () => {},
      onTakenOver: () => {
        state.takenOver = true
      }
    }).pipe(Scope.provide(scope))
    leases.watch(id, { saveAgain: writer.saveAgain, takenOver: () => {} })
  })
  return {
    state,
    leases,
    secret,
    begin: (id: string) =>
      Effect.andThen(leases.begin(id, { head: headOf([]), items: [] }, Duration.minutes(10)), serve(id)),
    takeOver: Effect.fnUntraced(function*(id: string) {
      const restored = yield* leases.claim(id)
      state.history = restored.history
      yield* leases.write(id, {
        head: headOf(state.history),
        from: 0,
        items: state.history.map(SessionSnapshot.encodeItem)
      })
      yield* serve(id)
    }),
    change: (history: ReadonlyArray<HistoryItem>) => {
      state.history = history
      writer?.requestSave()
    },
    stop: Scope.close(scope, Exit.void)
  }
})

type Process = Effect.Success<ReturnType<typeof start>>

/** Runs the steps, and a hand-over at the end. `settleMs`: within it an owner has given back what was lost. */
export const run = Effect.fnUntraced(function*(
  harness: Harness,
  id: string,
  script: ReadonlyArray<Step>,
  settleMs: number
) {
  const { damage, pass } = harness
  let processes = 0
  let said = 0
  const next = Effect.suspend(() => start(harness, `secret ${++processes}`))
  let owner: Process = yield* next
  yield* owner.begin(id)
  let setBack: Effect.Effect<void> = damage.loseAll

  const handOver = Effect.gen(function*() {
    owner.state.isAway = false
    yield* pass(settleMs)
    assert.isFalse(owner.state.takenOver, "another owner is made up")
    owner.state.isDead = true
    yield* pass(1_100)
    const heir = yield* next
    yield* heir.takeOver(id)
    yield* pass(300)
    assert.deepStrictEqual(heir.state.history, owner.state.history)
    assert.include([heir.secret.current(), ...heir.secret.former()], owner.secret.current())
    yield* owner.stop
    owner = heir
  })

  const act: Record<Step, Effect.Effect<unknown, BackendError, Scope.Scope>> = {
    "say": Effect.sync(() => {
      const item: HistoryItem = {
        role: "user",
        turn: ++said,
        kind: "text",
        text: `${said}`,
        interrupted: false,
        atMs: said
      }
      owner.change([...owner.state.history, item])
    }),
    "withdraw": Effect.sync(() => owner.change(owner.state.history.slice(0, -1))),
    "lose everything": damage.loseAll,
    "lose the session": damage.loseSession(id),
    "lose an item": Effect.suspend(() =>
      owner.state.history.length === 0
        ? Effect.void
        : damage.loseItems(id, Math.floor((owner.state.history.length - 1) / 2))
    ),
    "lose the items": damage.loseItems(id),
    "lose the head": damage.loseHead(id),
    "lose the owner": damage.loseOwner(id),
    "add an item": Effect.ignoreCause(damage.addItem(id, "{}")),
    "copy": Effect.map(damage.copy, (restore) => {
      setBack = restore
    }),
    "set back": Effect.suspend(() => setBack),
    "go away": Effect.sync(() => {
      owner.state.isAway = true
    }),
    "come back": Effect.sync(() => {
      owner.state.isAway = false
    }),
    "wait": pass(400),
    "hand over": handOver
  }
  for (const step of [...script, "hand over"] as const) {
    yield* act[step]
    yield* pass(20)
  }
  yield* owner.leases.end(id)
  assert.strictEqual(yield* damage.count, 0)
  yield* owner.stop
})
