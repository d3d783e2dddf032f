/**
 * The sessions of all nodes, one at a time.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Backend } from "../../backend/BackendContract.ts"
import type { BackendError } from "../../BackendError.ts"
import type { SessionStore } from "../../session/persistence/SessionStore.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import { type Clients, isGone, type Nodes } from "../nodes/Nodes.ts"
import * as DetachedSession from "./DetachedSession.ts"
import * as Following from "./Following.ts"
import * as RemoteSession from "./RemoteSession.ts"
import { notFound, type SessionPlaces } from "./SessionPlaces.ts"
import type { SessionView } from "./SessionView.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ClusterSessions {
  /** A session of another node, from a view of it. */
  readonly remote: (view: SessionView, owner: string) => VoiceSession
  /** Gives a session, wherever it is. One that nobody has is given as it is stored. */
  readonly get: (id: string) => Effect.Effect<VoiceSession, BackendError>
  /** Ends a session, wherever it is. One that nobody has is taken over for that. */
  readonly close: (id: string) => Effect.Effect<void, BackendError>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ clients, clock, local, nodes, places, store }: {
  readonly local: Pick<Backend, "getSession" | "closeSession" | "recover">
  readonly store: SessionStore["Service"]
  readonly nodes: Nodes
  readonly clients: Clients
  readonly places: SessionPlaces
  readonly clock: Clock.Clock
}): ClusterSessions => {
  /** Asks whoever has a session; once more, when it has another owner than was thought. */
  const askOwner = (id: string, believed: string): RemoteSession.SessionNode["ask"] => (op, call, within) =>
    nodes.ask(believed, op, call, within).pipe(
      Effect.catchIf(
        (error) => error.code === "session_not_found" || isGone(error),
        (error) =>
          Effect.flatMap(places.find(op, id), (found) =>
            found._tag === "Here"
              ? nodes.ask(nodes.self, op, call, within)
              : found._tag === "Owner" && found.owner !== believed
              ? nodes.ask(found.owner, op, call, within)
              : Effect.fail(error))
      )
    )

  const remote = (view: SessionView, owner: string): VoiceSession => {
    places.remember(view.id, owner)
    const follow = Following.make({ id: view.id, local, nodes, places, clients })
    return RemoteSession.make(view, {
      ask: askOwner(view.id, owner),
      events: follow((session) => session.events, (node, id) => node.Events({ id }), Following.isLastEvent),
      states: follow(
        (session) => session.state.changes,
        (node, id) => node.States({ id }),
        (state) => state === "closed"
      )
    }, clock)
  }

  return {
    remote,
    get: Effect.fnUntraced(function*(id) {
      const op = "VoiceBackend.getSession"
      const found = yield* places.find(op, id)
      switch (found._tag) {
        case "Here":
          return yield* local.getSession(id)
        case "Owner":
          return remote(yield* nodes.ask(found.owner, op, (node) => node.View({ id })), found.owner)
        case "Nobody":
          return (yield* DetachedSession.read(store, op, id)) ?? (yield* notFound(op, id))
        case "Unknown":
          return yield* notFound(op, id)
      }
    }),
    close: Effect.fnUntraced(function*(id) {
      const op = "VoiceBackend.closeSession"
      const found = yield* places.find(op, id)
      switch (found._tag) {
        case "Here":
          return yield* local.closeSession(id)
        case "Owner":
          return yield* nodes.ask(found.owner, op, (node) => node.Close({ id }))
        case "Nobody":
          yield* local.recover(id)
          return yield* local.closeSession(id)
        case "Unknown":
          return yield* notFound(op, id)
      }
    })
  }
}
