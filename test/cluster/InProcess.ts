import { Clock, Context, Effect, Exit, Layer, Scope } from "effect"
import { RpcTest } from "effect/rpc"
import type { Backend } from "../../src/backend/BackendContract.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { ConnectionFailed } from "../../src/BackendError.ts"
import { Board } from "../../src/cluster/board/Board.ts"
import * as ClusteredBackend from "../../src/cluster/ClusteredBackend.ts"
import type { NodeClient } from "../../src/cluster/nodes/Nodes.ts"
import { VoiceNode } from "../../src/cluster/nodes/VoiceNode.ts"
import * as VoiceNodeHandlers from "../../src/cluster/nodes/VoiceNodeHandlers.ts"
import * as MonotonicTime from "../../src/MonotonicTime.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import type { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
import { layer, pass, type Setup } from "../session/Harness.ts"

const away = new ConnectionFailed({ op: "test", message: "away" })

/** One node: its own backend, the cluster's as it sees it, and ways to lose it. */
export interface Node {
  readonly name: string
  readonly local: Backend
  readonly backend: Backend
  readonly store: SessionStore["Service"]
  /** Cuts it off: nobody reaches it, it reaches neither the board nor the store. Its sessions go on. */
  readonly cut: (isCut: boolean) => void
  readonly stop: Effect.Effect<void>
}

/** Several backends in this process that share a table of sessions and a board, and ask each other in memory. */
export const make = Effect.fnUntraced(function*(
  options: { readonly max?: number; readonly leaseMs?: number; readonly setup?: Setup } = {}
) {
  const clock = yield* Clock.Clock
  const table = MemoryStore.makeTable()
  const nowMs = () => MonotonicTime.nowMs(clock)
  const newBoard = () => {
    const board = new Board(() => options.max, nowMs())
    board.engineKnows(Array.from(names.keys(), (name) => `http://${name}`))
    return board
  }
  const names = new Map<string, Node>()
  const clients = new Map<string, NodeClient>()
  const cut = new Set<string>()
  const state: { board: Board; boardAway: boolean; storeAway: boolean; readHangs: boolean; asked: number } = {
    board: newBoard(),
    boardAway: false,
    storeAway: false,
    readHangs: false,
    asked: 0
  }

  const add = Effect.fnUntraced(function*(
    name: string,
    { archive, setup, ...more }: {
      readonly setup?: Setup
      readonly nodeUrl?: string
      readonly archive?: Layer.Layer<SessionArchive>
    } = {}
  ) {
    const scope = yield* Scope.make()
    const reach = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.suspend((): Effect.Effect<A, E | ConnectionFailed> =>
        cut.has(name) || state.storeAway ? Effect.fail(away) : effect
      )
    const made = MemoryStore.make({ table, ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }) })
    const store = SessionStore.of({
      ...made,
      create: (...args) => reach(made.create(...args)),
      write: (...args) => reach(made.write(...args)),
      claim: (id) => reach(made.claim(id)),
      renew: reach(made.renew),
      locate: (id) => reach(made.locate(id)),
      read: (id) => Effect.suspend(() => state.readHangs ? Effect.never : reach(made.read(id))),
      releaseAll: reach(made.releaseAll),
      releaseLease: (lease) => reach(made.releaseLease(lease)),
      remove: (lease) => reach(made.remove(lease)),
      sweep: reach(made.sweep),
      probe: reach(made.probe)
    })
    const context = yield* Layer.buildWithScope(
      layer({ ...options.setup, ...setup }).pipe(
        Layer.provide([Layer.succeed(SessionStore, store), archive ?? Layer.empty])
      ),
      scope
    )
    const local = Context.get(context, VoiceBackend)
    const address = `http://${name}`
    const served = yield* Layer.buildWithScope(VoiceNodeHandlers.layer(local), scope)
    const client = yield* RpcTest.makeClient(VoiceNode).pipe(Effect.provide(served), Scope.provide(scope))
    clients.set(address, client as NodeClient)
    const backend = yield* ClusteredBackend.make({
      local,
      store,
      identity: Effect.succeed({ owner: store.owner, address, version: "1", ...more }),
      clients: {
        of: (address) =>
          Effect.suspend(() => {
            state.asked++
            const there = address.replace("http://", "")
            const found = clients.get(address)
            return found === undefined || cut.has(there) || cut.has(name) ? Effect.never : Effect.succeed(found)
          })
      },
      isLimited: options.max !== undefined,
      askBoard: (report) =>
        Effect.suspend(() =>
          cut.has(name) || state.boardAway ? Effect.never : Effect.sync(() => {
            state.board.engineKnows(
              Array.from(names.keys()).filter((each) => !cut.has(each)).map((each) => `http://${each}`)
            )
            return state.board.report(report, nowMs())
          })
        )
    }).pipe(Scope.provide(scope))
    const node: Node = {
      name,
      local,
      backend,
      store,
      cut: (isCut) => void (isCut ? cut.add(name) : cut.delete(name)),
      stop: Effect.gen(function*() {
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* pass("1 minute")
        yield* Effect.yieldNow
        closing.pollUnsafe()
        names.delete(name)
        clients.delete(address)
      })
    }
    names.set(name, node)
    yield* Effect.addFinalizer(() => Effect.forkDetach(Scope.close(scope, Exit.void)))
    return node
  })

  return {
    add,
    state,
    moveBoard: Effect.sync(() => {
      state.board = newBoard()
    }),
    /** Lets all nodes report, and hear of each other. */
    settle: pass("2 seconds")
  }
})

/** Two nodes that have heard of each other. */
export const two = Effect.fnUntraced(function*(options?: Parameters<typeof make>[0]) {
  const cluster = yield* make(options)
  const a = yield* cluster.add("a")
  const b = yield* cluster.add("b")
  yield* cluster.settle
  return { a, b, cluster }
})

export const three = Effect.fnUntraced(function*(options?: Parameters<typeof make>[0]) {
  const { a, b, cluster } = yield* two(options)
  const c = yield* cluster.add("c")
  yield* cluster.settle
  return { a, b, c, cluster }
})
