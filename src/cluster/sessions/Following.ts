/**
 * Follows what a session of another node tells, also when a further node takes it over.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Backend } from "../../backend/BackendContract.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { ClusterNode } from "../board/BoardReport.ts"
import type { Clients, NodeClient, Nodes } from "../nodes/Nodes.ts"
import type { SessionPlaces } from "./SessionPlaces.ts"

/** How often it is looked at whether the node that is listened to still reports. */
const LOOK_EVERY = "250 millis"
/** After so many looks in a row that it did not, 2 s, it is listened to no longer: a new board has not heard of everybody at once. */
const MAX_SILENT_LOOKS = 8
const TRY_AGAIN_AFTER = "500 millis"
/** So often it is looked for a session that nobody has, until it counts as ended: 2 min. */
const MAX_TRIES = 240

/**
 * Whether an event is the last of a session. One that another process takes over goes on there.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isLastEvent = (event: SessionEvent): boolean =>
  event.type === "session.ended" && event.reason !== "taken_over"

/** Completes when a node has vanished, which may close no connection. */
const vanishes = (nodes: Nodes, { address, owner }: ClusterNode): Effect.Effect<void> =>
  Effect.suspend(() => {
    let silentLooks = 0
    return Effect.sync(() => {
      silentLooks = nodes.find(owner)?.address === address ? 0 : silentLooks + 1
    }).pipe(
      Effect.delay(LOOK_EVERY),
      Effect.repeat({ until: () => silentLooks >= MAX_SILENT_LOOKS })
    )
  })

/**
 * Makes the function that follows a session. The stream ends after the last value, or when there is no such session any more; what is
 * told while nobody has the session is lost.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ clients, id, local, nodes, places }: {
  readonly id: string
  readonly local: Pick<Backend, "getSession">
  readonly nodes: Nodes
  readonly places: SessionPlaces
  readonly clients: Clients
}) =>
<A>(
  here: (session: VoiceSession) => Stream.Stream<A>,
  there: (node: NodeClient, id: string) => Stream.Stream<A, unknown>,
  isLast: (value: A) => boolean
): Stream.Stream<A> =>
  Stream.suspend(() => {
    let isOver = false
    let tries = 0

    const attempt: Stream.Stream<A, unknown> = Stream.unwrap(
      Effect.map(places.find("VoiceSession.events", id), (found): Stream.Stream<A, unknown> => {
        switch (found._tag) {
          case "Here":
            return Stream.unwrap(Effect.map(local.getSession(id), here))
          case "Owner": {
            const node = nodes.find(found.owner)
            if (node === undefined) return Stream.empty
            return Stream.unwrap(Effect.map(clients.of(node.address), (client) => there(client, id))).pipe(
              Stream.interruptWhen(vanishes(nodes, node))
            )
          }
          case "Nobody":
            return Stream.empty
          case "Unknown":
            isOver = true
            return Stream.empty
        }
      })
    )
    const noticed = attempt.pipe(
      Stream.tap((value) =>
        Effect.sync(() => {
          tries = 0
          if (isLast(value)) isOver = true
        })
      ),
      Stream.takeUntil(isLast),
      Stream.catchCause(() => Stream.empty)
    )
    const follow = (): Stream.Stream<A> =>
      Stream.concat(
        noticed,
        Stream.suspend(() =>
          isOver || ++tries > MAX_TRIES
            ? Stream.empty
            : Stream.concat(Stream.drain(Stream.fromEffect(Effect.sleep(TRY_AGAIN_AFTER))), follow())
        )
      )
    return follow()
  })
