/**
 * How the user of a session connects to it, whichever node has it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Backend } from "../../backend/BackendContract.ts"
import type { SessionAccess } from "../../backend/provider/ProviderInfo.ts"
import type { BackendError } from "../../BackendError.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { Nodes } from "../nodes/Nodes.ts"
import { notFound, type SessionPlaces } from "./SessionPlaces.ts"
import * as SessionView from "./SessionView.ts"

/** So many answers of other nodes are kept until they are asked for. */
const KEPT = 1_000

/** A path of a node, as a URL at which clients reach exactly that node, if there is one. */
const absolute = (access: SessionAccess, transport: SessionConfig["transport"], nodeUrl: string | undefined) =>
  nodeUrl === undefined || !access.connectionUrl.startsWith("/") ? access : {
    ...access,
    connectionUrl: (transport === "websocket" ? nodeUrl.replace(/^http/, "ws") : nodeUrl).replace(/\/$/, "") +
      access.connectionUrl
  }

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionAccesses {
  /** Keeps how to connect to a session that was just created at another node: whoever created it asks for that next, once. */
  readonly keep: (view: SessionView.SessionView, owner: string) => void
  /** What a session's user needs to connect. Fails as `SessionPlaces.find` does, and as the node that has the session. */
  readonly of: (id: string) => Effect.Effect<SessionAccess, BackendError>
}

/**
 * Makes them, with none kept. `ownUrl` gives the URL at which clients reach exactly this process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ local, nodes, ownUrl, places }: {
  readonly local: Pick<Backend, "access" | "getSession">
  readonly nodes: Nodes
  readonly places: SessionPlaces
  readonly ownUrl: () => string | undefined
}): SessionAccesses => {
  const op = "VoiceBackend.access"
  const kept = new Map<string, SessionAccess>()
  const ofView = (view: SessionView.SessionView, owner: string) =>
    absolute(SessionView.accessOf(view), view.config.transport, nodes.find(owner)?.nodeUrl)

  return {
    keep: (view, owner) => {
      kept.set(view.id, ofView(view, owner))
      if (kept.size > KEPT) { for (const oldest of kept.keys()) return void kept.delete(oldest) }
    },
    of: Effect.fnUntraced(function*(id) {
      const created = kept.get(id)
      kept.delete(id)
      if (created !== undefined) return created
      const found = yield* places.find(op, id)
      switch (found._tag) {
        case "Here": {
          const { config: { transport } } = yield* local.getSession(id)
          return absolute(yield* local.access(id), transport, ownUrl())
        }
        case "Owner":
          return ofView(yield* nodes.ask(found.owner, op, (node) => node.View({ id })), found.owner)
        case "Nobody":
        case "Unknown":
          return yield* notFound(op, id)
      }
    })
  }
}
