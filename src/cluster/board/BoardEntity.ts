/**
 * The board, as the one entity of its kind in the cluster.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Entity from "effect/cluster/Entity"
import type * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import type { BackendError } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { Board } from "./Board.ts"
import { BoardAnswer, NodeReport } from "./BoardReport.ts"
import type { AskBoard } from "./Reporting.ts"

/** Which nodes the engine knows is asked for often while the board is new, since it grants nothing before all have reported. */
const LOOK_WHILE_NEW = "250 millis"
const LOOK = "2 seconds"
/** Nodes report all the time: it is never idle. */
const IDLE = "1 day"
/** Reports wait for nothing; this is the number of those in flight. */
const MAILBOX = 10_000

const BoardEntity = Entity.make("effect-voice/Board", [
  Rpc.make("Report", { payload: NodeReport.fields, success: BoardAnswer })
])

/**
 * Lets this process have the board. `max` is the cluster's maximum of sessions, `nodes` gives the addresses of the nodes that the
 * engine calls healthy.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  max: () => number | undefined,
  nodes: Effect.Effect<ReadonlyArray<string>, BackendError>
): Layer.Layer<never, never, Sharding.Sharding> =>
  BoardEntity.toLayer(
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const now = () => MonotonicTime.nowMs(clock)
      const board = new Board(max, now())
      yield* nodes.pipe(
        Effect.map((addresses) => board.engineKnows(addresses)),
        Effect.ignore,
        Effect.andThen(Effect.suspend(() => Effect.sleep(board.settled ? LOOK : LOOK_WHILE_NEW))),
        Effect.forever,
        Effect.forkScoped
      )
      return BoardEntity.of({ Report: ({ payload }) => Effect.sync(() => board.report(payload, now())) })
    }),
    { maxIdleTime: IDLE, concurrency: "unbounded", mailboxCapacity: MAILBOX }
  )

/**
 * Asks the board, wherever it is. Waits without an end while nobody has it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ask: Effect.Effect<AskBoard, never, Sharding.Sharding> = Effect.map(BoardEntity.client, (clientOf) => {
  const client = clientOf("board")
  return (report) => client.Report(report)
})
