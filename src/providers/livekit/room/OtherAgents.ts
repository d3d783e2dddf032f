/**
 * One agent in a room: of two that join it, the first stays.
 *
 * Several processes may hear of the same arrival. LiveKit lets participants into a room one after the other, and tells each who
 * is in it, so exactly one of the agents finds nobody. The others leave before they have said a word. An agent whose process
 * has died stays in the room for some seconds; it does not answer, and is removed.
 *
 * @since 0.1.0
 */
import type { LocalParticipant, RemoteParticipant } from "@livekit/rtc-node"
import * as Effect from "effect/Effect"
import * as RoomName from "./RoomName.ts"

/** An agent answers any method at once, if only that it does not know it. */
const METHOD = "effect-voice.alive"
const ANSWER_MS = 2_000

/** LiveKit's codes of an RPC that has not reached a participant: timed out, cut off, nobody there. */
const UNREACHED: ReadonlySet<unknown> = new Set([1_401, 1_501, 1_502, 1_503, 1_505])

/**
 * @category models
 * @since 0.1.0
 */
export interface OtherAgentsOptions {
  readonly self: Pick<LocalParticipant, "performRpc">
  /** The session of the own agent. */
  readonly session: string
  /** The participants of kind agent. */
  readonly agents: ReadonlyArray<Pick<RemoteParticipant, "identity">>
  /** Removes a participant from the room. */
  readonly remove: (identity: string) => Effect.Effect<void>
}

/**
 * The session of another of our agents that was in the room before and still serves it; those that are dead are removed.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = Effect.fnUntraced(function*(
  { agents, remove, self, session }: OtherAgentsOptions
): Effect.fn.Return<string | undefined> {
  const isAlive = (destinationIdentity: string) =>
    Effect.tryPromise({
      try: () => self.performRpc({ destinationIdentity, method: METHOD, payload: "", responseTimeout: ANSWER_MS }),
      catch: (cause) => typeof cause === "object" && cause !== null && "code" in cause && !UNREACHED.has(cause.code)
    }).pipe(
      Effect.as(true),
      Effect.catch((answered) => Effect.succeed(answered)),
      Effect.timeoutOrElse({ duration: ANSWER_MS + 500, orElse: () => Effect.succeed(false) })
    )
  for (const { identity } of agents) {
    const other = RoomName.sessionOfAgent(identity)
    if (other === undefined || other === session) continue
    if (yield* isAlive(identity)) return other
    yield* remove(identity)
  }
  return undefined
})
