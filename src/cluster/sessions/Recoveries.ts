/**
 * Which node takes up a session that nobody has, where no user's connection decides it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Backend } from "../../backend/BackendContract.ts"
import type { BackendError } from "../../BackendError.ts"
import type { ClusterNode } from "../board/BoardReport.ts"
import * as Placement from "../board/Placement.ts"
import { inTurn } from "../nodes/InTurn.ts"
import type { Nodes } from "../nodes/Nodes.ts"
import type { SessionPlaces } from "./SessionPlaces.ts"
import type { SessionView } from "./SessionView.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RecoveriesOptions {
  readonly local: Pick<Backend, "recover" | "config">
  readonly nodes: Nodes
  readonly places: Pick<SessionPlaces, "find">
  /** This node, as it is now. */
  readonly self: Effect.Effect<Omit<ClusterNode, "address" | "version">>
  /** Is told of a session that another node has taken up. */
  readonly taken: (view: SessionView, owner: string) => void
}

const op = "VoiceBackend.recover"
/** How long a node may take beyond the time limit that it has itself for taking up a session. */
const EXTRA = Duration.seconds(2)

/**
 * Takes up a session at the node that has least to do; does nothing when some node has it. Fails like `Backend.recover`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ local, nodes, places, self, taken }: RecoveriesOptions) => {
  const recoverAt = (owner: string, id: string, within: Duration.Duration): Effect.Effect<void, BackendError> =>
    owner === nodes.self
      ? local.recover(id)
      : Effect.suspend(() => {
        nodes.addSession(owner)
        return Effect.map(nodes.ask(owner, op, (node) => node.Recover({ id }), within), (view) => taken(view, owner))
      })

  return Effect.fnUntraced(function*(id: string): Effect.fn.Return<void, BackendError> {
    const { _tag } = yield* places.find(op, id)
    if (_tag === "Here" || _tag === "Owner") return
    // the store says what is the matter with it
    if (_tag === "Unknown") return yield* local.recover(id)
    const within = Duration.sum((yield* local.config).timeout, EXTRA)
    // one that a silent node has taken up after all is refused by the others
    return yield* inTurn(
      Placement.candidates(yield* self, nodes.others(), nodes.isSuspect),
      (owner) => recoverAt(owner, id, within),
      local.recover(id)
    )
  })
}
