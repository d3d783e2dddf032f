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
import type { Clients, NodeClient, Nodes } from "../nodes/Nodes.ts"
import type { SessionPlaces } from "./SessionPlaces.ts"

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
            return Stream.unwrap(Effect.map(clients.of(node.address), (client) => there(client, id)))
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
